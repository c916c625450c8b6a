/**
 * Copies the table and memory sections with maxima no larger than the caps, and refuses modules that are too large
 * from the start. Growth of several memories or tables together is held by helpers, see `LimitHelpers`.
 */

import { ModuleError } from "../module-error.ts";
import { type ByteReader, invalidModule } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Initialisers } from "./initialisers.ts";
import type { Code } from "./instruction-bytes.ts";
import { pageBytes } from "./limit-helpers.ts";
import { type Limits, readLimits } from "./module-outline.ts";
import { skipValueType } from "./type-section.ts";

/** A table whose entries begin with a value of their own starts with these two bytes. */
const initialisedTable = 0x40;

/** The largest maxima that the specification allows. */
const mostEntries = 2 ** 32 - 1;
const mostPages = 65536;

/** Returns the bytes of each table's reference type. */
export function copyTables(
  reader: ByteReader,
  writer: ByteWriter,
  initialisers: Initialisers,
  maxEntries: number,
): Code[] {
  const count = reader.count();
  const types: Code[] = [];
  let entries = 0;
  writer.u32(count);
  for (let left = count; left > 0; left--) {
    const isInitialised = reader.bytes[reader.at] === initialisedTable;
    if (isInitialised) {
      reader.u8();
      if (reader.u8() !== 0) throw invalidModule("a table has an unknown form", reader.at - 1);
      writer.bytes([initialisedTable, 0]);
    }
    const start = reader.at;
    skipValueType(reader, initialisers.typeCount);
    types.push([...reader.bytes.subarray(start, reader.at)]);
    writer.range(reader.bytes, start, reader.at);
    const limits = readLimits(reader);
    entries += limits.min;
    if (entries > maxEntries) {
      throw new ModuleError(
        "module-memory-too-large",
        `The tables of the module begin with ${entries} entries; at most ${maxEntries} are allowed. Use smaller tables.`,
      );
    }
    writeLimits(writer, limits, maxEntries, mostEntries);
    if (isInitialised) initialisers.copyExpression(reader, writer);
  }
  return types;
}

export function copyMemories(reader: ByteReader, writer: ByteWriter, maxMemoryBytes: number): void {
  const count = reader.count();
  const maxPages = Math.floor(maxMemoryBytes / pageBytes);
  let pages = 0;
  writer.u32(count);
  for (let left = count; left > 0; left--) {
    const limits = readLimits(reader);
    pages += limits.min;
    if (pages > maxPages) {
      throw new ModuleError(
        "module-memory-too-large",
        `The module begins with ${pages * pageBytes} bytes of memory; at most ${maxMemoryBytes} are allowed. Raise --max-memory or build it with a smaller initial memory.`,
      );
    }
    writeLimits(writer, limits, maxPages, mostPages);
  }
}

/** Lowers a maximum, unless the engine refuses it: an invalid module must not become a valid one. */
function writeLimits(writer: ByteWriter, { isShared, min, max }: Limits, cap: number, most: number): void {
  const isRefused = max !== null && (max < min || max > most);
  writer.u8(isShared ? 3 : 1);
  writer.u32(min);
  writer.u32(isRefused ? max : Math.min(max ?? cap, cap));
}
