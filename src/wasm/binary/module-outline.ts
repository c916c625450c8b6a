/**
 * Walks the sections of a module once and remembers where they lie and what the rewrite must know before it can
 * touch code: counts, types of functions, memories, tables, names of imports and exports, the start function.
 * https://webassembly.github.io/spec/core/binary/modules.html
 */

import { ModuleError } from "../module-error.ts";
import { ByteReader, invalidModule } from "./byte-reader.ts";
import { maxModuleBytes } from "./byte-writer.ts";
import { assertModuleHeader } from "./header.ts";
import type { Code } from "./instruction-bytes.ts";
import { readTypeSection, skipValueType, TypeTable } from "./type-section.ts";

export const sectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

export const externalKind = { func: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

/** The place of each section in a module, by its id; custom sections stand anywhere. */
const sectionOrder = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6];

export function orderOf(id: number): number {
  return sectionOrder[id] ?? 0;
}

export interface Section {
  readonly id: number;
  /** Name of a custom section, otherwise empty. */
  readonly name: string;
  /** Where its content begins: behind its size. */
  readonly contentStart: number;
  /** The same, but behind the name of a custom section. */
  readonly start: number;
  readonly end: number;
}

export interface Export {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

/** A memory that the module imports, with the limits it declares. */
export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  readonly limits: Limits;
  /** Where the limits begin and end. */
  readonly limitsStart: number;
  readonly limitsEnd: number;
}

export interface ModuleOutline {
  readonly bytes: Uint8Array;
  /** In the order of the file, which is the order the specification asks for. */
  readonly sections: readonly Section[];
  readonly types: TypeTable;
  readonly importNames: ReadonlySet<string>;
  readonly exports: readonly Export[];
  readonly importedFunctions: number;
  readonly importedTables: number;
  readonly importedMemories: number;
  readonly importedGlobals: number;
  /** Type index of each function, the imported ones first. */
  readonly functionTypes: readonly number[];
  /** In the order of their indices, which come before those of the module's own memories. */
  readonly memoryImports: readonly MemoryImport[];
  /** Bytes of the reference type of each imported table. */
  readonly importedTableTypes: readonly Code[];
  /** By tag index: how many values an exception carries. */
  readonly tagParameters: readonly number[];
  readonly definedTables: number;
  readonly definedMemories: number;
  readonly definedGlobals: number;
  /** Index of the function that runs when an instance is made; null for none. */
  readonly startFunction: number | null;
}

class OutlineBuilder {
  types = new TypeTable();
  readonly importNames = new Set<string>();
  readonly exports: Export[] = [];
  readonly functionTypes: number[] = [];
  readonly memoryImports: MemoryImport[] = [];
  readonly importedTableTypes: Code[] = [];
  readonly tagParameters: number[] = [];
  readonly imported = [0, 0, 0, 0, 0];
  definedTables = 0;
  definedMemories = 0;
  definedGlobals = 0;
  startFunction: number | null = null;
}

/** @throws ModuleError `module-not-wasm`, `module-invalid`, `module-too-large` */
export function readOutline(bytes: Uint8Array): ModuleOutline {
  assertModuleHeader(bytes);
  if (bytes.length > maxModuleBytes) {
    throw new ModuleError(
      "module-too-large",
      `The module has ${bytes.length} bytes; the engine accepts at most ${maxModuleBytes}. Use a smaller module.`,
    );
  }
  const reader = new ByteReader(bytes, 8, bytes.length);
  const sections: Section[] = [];
  const builder = new OutlineBuilder();
  let place = 0;
  while (!reader.isDone) {
    const section = readSectionHeader(reader);
    sections.push(section);
    if (section.id === sectionId.custom) continue;
    const next = orderOf(section.id);
    if (next <= place)
      throw invalidModule(`section ${section.id} is repeated or out of order`, section.start);
    place = next;
    readSection(section, new ByteReader(bytes, section.start, section.end), builder);
  }
  return outlineOf(bytes, sections, builder);
}

function outlineOf(bytes: Uint8Array, sections: Section[], builder: OutlineBuilder): ModuleOutline {
  const { imported, ...facts } = builder;
  const [importedFunctions = 0, importedTables = 0, importedMemories = 0, importedGlobals = 0] = imported;
  return { bytes, sections, ...facts, importedFunctions, importedTables, importedMemories, importedGlobals };
}

function readSectionHeader(reader: ByteReader): Section {
  const offset = reader.at;
  const id = reader.u8();
  if (id >= sectionOrder.length) throw invalidModule(`section ${id} is unknown`, offset);
  const content = reader.range();
  const contentStart = content.at;
  const name = id === sectionId.custom ? content.name() : "";
  return { id, name, contentStart, start: content.at, end: content.end };
}

/** Sections whose entries matter only while they are copied (elements, code, data) are read then. */
function readSection(section: Section, reader: ByteReader, builder: OutlineBuilder): void {
  switch (section.id) {
    case sectionId.type:
      builder.types = readTypeSection(reader);
      break;
    case sectionId.import:
      for (let left = reader.count(); left > 0; left--) readImport(reader, builder);
      break;
    case sectionId.function:
      for (let left = reader.count(); left > 0; left--)
        builder.functionTypes.push(readTypeIndex(reader, builder));
      break;
    case sectionId.tag:
      for (let left = reader.count(); left > 0; left--) readTag(reader, builder);
      break;
    case sectionId.table:
      builder.definedTables = reader.count();
      return;
    case sectionId.memory:
      builder.definedMemories = reader.count();
      return;
    case sectionId.global:
      builder.definedGlobals = reader.count();
      return;
    case sectionId.export:
      for (let left = reader.count(); left > 0; left--) builder.exports.push(readExport(reader));
      break;
    case sectionId.start:
      builder.startFunction = readStartFunction(reader, builder);
      break;
    default:
      return;
  }
  expectEnd(reader);
}

export function expectEnd(reader: ByteReader): void {
  if (!reader.isDone) throw invalidModule(`${reader.end - reader.at} bytes are left over`, reader.at);
}

function readTypeIndex(reader: ByteReader, builder: OutlineBuilder): number {
  const offset = reader.at;
  const index = reader.u32();
  if (index >= builder.types.length) throw invalidModule(`type ${index} does not exist`, offset);
  return index;
}

function readStartFunction(reader: ByteReader, builder: OutlineBuilder): number {
  const offset = reader.at;
  const index = reader.u32();
  if (index >= builder.functionTypes.length)
    throw invalidModule(`start function ${index} does not exist`, offset);
  return index;
}

function readImport(reader: ByteReader, builder: OutlineBuilder): void {
  const module = reader.name();
  const name = reader.name();
  builder.importNames.add(module);
  const kind = reader.u8();
  switch (kind) {
    case externalKind.func:
      builder.functionTypes.push(readTypeIndex(reader, builder));
      break;
    case externalKind.table: {
      const start = reader.at;
      skipValueType(reader, builder.types.length);
      builder.importedTableTypes.push([...reader.bytes.subarray(start, reader.at)]);
      readLimits(reader);
      break;
    }
    case externalKind.memory: {
      const limitsStart = reader.at;
      const limits = readLimits(reader);
      builder.memoryImports.push({ module, name, limits, limitsStart, limitsEnd: reader.at });
      break;
    }
    case externalKind.global:
      skipValueType(reader, builder.types.length);
      reader.u8();
      break;
    case externalKind.tag:
      readTag(reader, builder);
      break;
    default:
      throw invalidModule(`import kind ${kind} is unknown`, reader.at - 1);
  }
  builder.imported[kind] = (builder.imported[kind] ?? 0) + 1;
}

function readTag(reader: ByteReader, builder: OutlineBuilder): void {
  const attribute = reader.u8();
  if (attribute !== 0) throw invalidModule(`tag attribute ${attribute} is unknown`, reader.at - 1);
  builder.tagParameters.push(builder.types.parameters[readTypeIndex(reader, builder)] ?? 0);
}

function readExport(reader: ByteReader): Export {
  const name = reader.name();
  const kind = reader.u8();
  if (kind > externalKind.tag) throw invalidModule(`export kind ${kind} is unknown`, reader.at - 1);
  return { name, kind, index: reader.u32() };
}

export interface Limits {
  readonly isShared: boolean;
  readonly min: number;
  /** Null when the module declares none. */
  readonly max: number | null;
}

const hasMaximum = 1;
const isShared = 2;
const is64Bit = 4;

/** Of a memory in pages, of a table in entries. */
export function readLimits(reader: ByteReader): Limits {
  const flags = reader.u8();
  if (flags & is64Bit) {
    throw new ModuleError(
      "module-invalid",
      "The module has a memory or table with 64-bit addresses (memory64), which the engine does not run. Build it for wasm32.",
    );
  }
  if (flags > 3) throw invalidModule(`limits flags ${flags} are unknown`, reader.at - 1);
  if (flags === isShared) throw invalidModule("a shared memory has no maximum", reader.at - 1);
  const min = reader.u32();
  const max = flags & hasMaximum ? reader.u32() : null;
  return { isShared: (flags & isShared) !== 0, min, max };
}
