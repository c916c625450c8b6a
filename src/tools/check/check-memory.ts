/** Memories and tables a module asks for, against what an instance may have. */

import { ByteReader } from "../../wasm/binary/byte-reader.ts";
import { pageBytes } from "../../wasm/metering/limit-helpers.ts";
import { type ModuleOutline, sectionId } from "../../wasm/binary/module-outline.ts";
import { showBytes } from "../show-bytes.ts";
import { type Finding, findingsAbout } from "./finding.ts";
import { skipValueType } from "./skip-types.ts";

const finding = findingsAbout("memory");

interface DeclaredLimits {
  /** Pages of a memory, entries of a table. */
  readonly min: number;
  /** Null when the module declares none. */
  readonly max: number | null;
  readonly isShared: boolean;
}

const HAS_MAXIMUM = 1;
const IS_SHARED = 2;

/** More than this from the first moment is rarely meant. */
const LARGE_START_BYTES = 16 * 1024 * 1024;

/** A table with initial values for its entries starts with this byte; its limits follow later. */
const INITIALISED_TABLE = 0x40;

/** Of a module that the engine accepts; other limits are not looked for. @throws ModuleError when a section is cut off. */
export function checkMemory(outline: ModuleOutline, maxMemoryBytes: number): readonly Finding[] {
  return [...memoryFindings(readMemories(outline), maxMemoryBytes), ...tableFindings(readTables(outline))];
}

function memoryFindings(memories: readonly DeclaredLimits[], maxMemoryBytes: number): Finding[] {
  if (memories.length === 0) return [];
  const minBytes = memories.reduce((sum, { min }) => sum + min * pageBytes, 0);
  const cap = showBytes(maxMemoryBytes);
  const facts = `begins with ${showBytes(minBytes)}, may grow to ${cap} (--max-memory)`;
  const findings = [
    minBytes > maxMemoryBytes
      ? finding(
          "error",
          "initial size",
          `begins with ${showBytes(minBytes)}, but an instance may have ${cap}`,
          "raise --max-memory, or link with a smaller initial memory",
        )
      : minBytes > LARGE_START_BYTES
        ? finding(
            "warning",
            "initial size",
            facts,
            "every instance of the pool takes that much; link with less",
          )
        : finding("ok", "initial size", facts),
  ];
  const declared = memories.map(({ max }) => max).filter((max) => max !== null);
  const declaredBytes = declared.reduce((sum, max) => sum + max * pageBytes, 0);
  if (declared.length === memories.length && declaredBytes < maxMemoryBytes) {
    findings.push(
      finding("note", "declared maximum", `the module itself stops at ${showBytes(declaredBytes)}`),
    );
  }
  if (memories.length > 1) {
    findings.push(
      finding("note", "memories", `${memories.length}; the host reads and writes the one exported as memory`),
    );
  }
  if (memories.some(({ isShared }) => isShared)) findings.push(sharedMemory());
  return findings;
}

function sharedMemory(): Finding {
  return finding(
    "warning",
    "shared memory",
    "the memory is meant for threads, and a module here has one: every wait ends at once",
    "build without threads",
  );
}

function tableFindings(tables: readonly DeclaredLimits[]): Finding[] {
  const entries = tables.reduce((sum, { min }) => sum + min, 0);
  return entries === 0 ? [] : [finding("ok", "tables", `begin with ${entries} entries`)];
}

/** The imported ones first. */
function readMemories(outline: ModuleOutline): DeclaredLimits[] {
  const imported = outline.memoryImports.map(({ limits }) => limits);
  const reader = sectionReader(outline, sectionId.memory);
  return reader === null
    ? imported
    : [...imported, ...Array.from({ length: reader.count() }, () => readLimits(reader))];
}

/** Of a table with an initial value only the first is looked at, for the value's length is not known here. */
function readTables(outline: ModuleOutline): DeclaredLimits[] {
  const reader = sectionReader(outline, sectionId.table);
  if (reader === null) return [];
  const tables: DeclaredLimits[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const isInitialised = reader.bytes[reader.at] === INITIALISED_TABLE;
    if (isInitialised) reader.skip(2);
    skipValueType(reader);
    tables.push(readLimits(reader));
    if (isInitialised) break;
  }
  return tables;
}

function readLimits(reader: ByteReader): DeclaredLimits {
  const flags = reader.u8();
  const min = reader.u32();
  const max = (flags & HAS_MAXIMUM) === 0 ? null : reader.u32();
  return { min, max, isShared: (flags & IS_SHARED) !== 0 };
}

function sectionReader({ bytes, sections }: ModuleOutline, id: number): ByteReader | null {
  const section = sections.find((one) => one.id === id);
  return section === undefined ? null : new ByteReader(bytes, section.start, section.end);
}
