/**
 * Builds the content of each section that changes: the guest's entries, moved where they name functions, and the
 * added ones behind them.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import { ByteReader, invalidModule } from "../binary/byte-reader.ts";
import { ByteWriter } from "../binary/byte-writer.ts";
import type { MemoryCap } from "./capped-limits.ts";
import { i32Const } from "../binary/instruction-bytes.ts";
import { externalKind, type ModuleOutline, sectionId } from "../binary/module-outline.ts";
import { opcode, typeCode } from "../binary/opcode.ts";

const mutable = 1;

export interface SliceEndImport {
  readonly module: string;
  readonly name: string;
}

export function readerOf({ bytes, sections }: ModuleOutline, id: number): ByteReader | null {
  const section = sections.find((one) => one.id === id);
  return section === undefined ? null : new ByteReader(bytes, section.start, section.end);
}

/** The section's entries as they are, followed by `extra` ones. */
function extended(outline: ModuleOutline, id: number, extra: number): ByteWriter {
  const reader = readerOf(outline, id);
  const writer = new ByteWriter(reader === null ? 64 : reader.end - reader.at + 256);
  writer.u32((reader?.count() ?? 0) + extra);
  if (reader !== null) writer.range(reader.bytes, reader.at, reader.end);
  return writer;
}

export function writeTypes(outline: ModuleOutline, added: AddedDefinitions): ByteWriter {
  const writer = extended(outline, sectionId.type, added.types.length);
  for (const type of added.types) writer.bytes(type);
  return writer;
}

/** Function bodies as they are; only for a module whose functions keep their indices. */
export function appendCode(outline: ModuleOutline, added: AddedDefinitions): ByteWriter {
  const writer = extended(outline, sectionId.code, added.functions.length);
  for (const { body } of added.functions) {
    writer.u32(body.length);
    writer.bytes(body);
  }
  return writer;
}

/** With maxima of memories no larger than the cap. `type`: of the imported function. */
export function writeImports(
  outline: ModuleOutline,
  memoryCap: MemoryCap,
  sliceEnd: SliceEndImport,
  type: number,
): ByteWriter {
  const reader = readerOf(outline, sectionId.import);
  const writer = new ByteWriter(reader === null ? 64 : reader.end - reader.at + 256);
  writer.u32((reader?.count() ?? 0) + 1);
  let copied = reader?.at ?? 0;
  for (const { limits, limitsStart, limitsEnd } of outline.memoryImports) {
    writer.range(outline.bytes, copied, limitsStart);
    memoryCap.writeLimits(writer, limits);
    copied = limitsEnd;
  }
  writer.range(outline.bytes, copied, reader?.end ?? 0);
  writer.name(sliceEnd.module);
  writer.name(sliceEnd.name);
  writer.u8(externalKind.func);
  writer.u32(type);
  return writer;
}

export function writeFunctions(outline: ModuleOutline, added: AddedDefinitions): ByteWriter {
  const writer = extended(outline, sectionId.function, added.functions.length);
  for (const { type } of added.functions) writer.u32(type);
  return writer;
}

/** `entries`: the guest's globals, already copied. */
export function writeGlobals(
  outline: ModuleOutline,
  added: AddedDefinitions,
  entries: ByteWriter,
): ByteWriter {
  const writer = new ByteWriter(entries.length + 64);
  writer.u32(outline.definedGlobals + added.globals.length);
  writer.bytes(entries.view);
  for (const initialValue of added.globals) {
    writer.bytes([typeCode.i32, mutable, ...i32Const(initialValue), opcode.end]);
  }
  return writer;
}

export function writeExports(outline: ModuleOutline, added: AddedDefinitions): ByteWriter {
  const reader = readerOf(outline, sectionId.export);
  const writer = new ByteWriter(reader === null ? 256 : reader.end - reader.at + 256);
  writer.u32(outline.exports.length + added.exports.length);
  reader?.count();
  while (reader !== null && !reader.isDone) copyExport(outline, added, reader, writer);
  for (const { name, kind, index } of added.exports) {
    writer.name(name);
    writer.u8(kind);
    writer.u32(index);
  }
  return writer;
}

function copyExport(
  outline: ModuleOutline,
  added: AddedDefinitions,
  reader: ByteReader,
  writer: ByteWriter,
): void {
  const start = reader.at;
  reader.range();
  const kind = reader.u8();
  writer.range(reader.bytes, start, reader.at);
  const at = reader.at;
  const index = reader.u32();
  if (index >= countOf(outline, kind))
    throw invalidModule(`an export names item ${index}, which does not exist`, at);
  writer.u32(kind === externalKind.func ? added.movedFunction(index) : index);
}

function countOf(outline: ModuleOutline, kind: number): number {
  switch (kind) {
    case externalKind.func:
      return outline.functionTypes.length;
    case externalKind.table:
      return outline.importedTables + outline.definedTables;
    case externalKind.memory:
      return outline.importedMemories + outline.definedMemories;
    case externalKind.global:
      return outline.importedGlobals + outline.definedGlobals;
    default:
      return outline.tagParameters.length;
  }
}
