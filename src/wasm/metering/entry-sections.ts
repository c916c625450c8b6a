/**
 * Copies the sections that stand before the code and do not depend on it: tables, memories, globals, elements.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import type { ByteReader } from "../binary/byte-reader.ts";
import { ByteWriter } from "../binary/byte-writer.ts";
import { copyTables, MemoryCap } from "./capped-limits.ts";
import { Initialisers } from "./initialisers.ts";
import type { Code } from "../binary/instruction-bytes.ts";
import type { LimitOptions } from "./limited-module.ts";
import { expectEnd, externalKind, type ModuleOutline, sectionId } from "../binary/module-outline.ts";
import { readerOf } from "./section-rewriter.ts";

export interface EntrySections {
  /** Contents by section id. The globals are without their count, since more will follow. */
  readonly contents: Map<number, ByteWriter>;
  readonly memoryCap: MemoryCap;
  /** Bytes of each table's reference type, the imported tables first. */
  readonly tableTypes: readonly Code[];
  /** Whether an indirect call can reach a function of the host. */
  readonly isHostReferenced: boolean;
  /** By function index: 1 for those that code can hold a reference to. */
  readonly isReferenced: Uint8Array;
  /** Bytes of the objects that the module's initialisers make. */
  readonly objectBytes: number;
}

export function copyEntrySections(
  outline: ModuleOutline,
  added: AddedDefinitions,
  options: LimitOptions,
): EntrySections {
  const contents = new Map<number, ByteWriter>();
  const isReferenced = new Uint8Array(outline.functionTypes.length);
  const initialisers = new Initialisers(outline, added, options.maxMemoryBytes, isReferenced);
  const memoryCap = new MemoryCap(options.maxMemoryBytes);
  for (const { limits } of outline.memoryImports) memoryCap.countInitial(limits);
  let tableTypes = outline.importedTableTypes;

  const copy = (id: number, work: (reader: ByteReader, writer: ByteWriter) => void): void => {
    const reader = readerOf(outline, id);
    if (reader === null) return;
    const writer = new ByteWriter(reader.end - reader.at + 64);
    work(reader, writer);
    expectEnd(reader);
    contents.set(id, writer);
  };
  copy(sectionId.table, (reader, writer) => {
    tableTypes = tableTypes.concat(copyTables(reader, writer, initialisers, options.maxTableEntries));
  });
  copy(sectionId.memory, (reader, writer) => memoryCap.copyMemories(reader, writer));
  copy(sectionId.global, (reader, writer) => initialisers.copyGlobals(reader, writer));
  copy(sectionId.element, (reader, writer) => initialisers.copyElements(reader, writer));

  let { isHostReferenced } = initialisers;
  for (const { kind, index } of outline.exports) {
    if (kind !== externalKind.func) continue;
    isReferenced[index] = 1;
    isHostReferenced ||= index < outline.importedFunctions;
  }
  const { objectBytes } = initialisers;
  return { contents, memoryCap, tableTypes, isHostReferenced, isReferenced, objectBytes };
}
