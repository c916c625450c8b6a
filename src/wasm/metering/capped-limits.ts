/**
 * Copies tables, memories and memory imports with maxima no larger than the caps, and refuses modules that are too large
 * from the start. Growth of several memories or tables together is held by helpers, see `LimitHelpers`.
 */

import { ModuleError } from "../module-error.ts";
import { type ByteReader, invalidModule } from "../binary/byte-reader.ts";
import type { ByteWriter } from "../binary/byte-writer.ts";
import type { Initialisers } from "./initialisers.ts";
import type { Code } from "../binary/instruction-bytes.ts";
import { pageBytes } from "./limit-helpers.ts";
import { type Limits, readLimits } from "../binary/module-outline.ts";
import { skipValueType } from "../binary/type-section.ts";

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

/** The cap of all memories of an instance together, the imported ones first. */
export class MemoryCap {
  readonly #maxBytes: number;
  readonly #maxPages: number;
  /** What the module begins with, as far as it has been read. */
  #initialPages = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxPages = Math.floor(maxBytes / pageBytes);
  }

  /** @throws ModuleError when the memories of the module begin with more */
  copyMemories(reader: ByteReader, writer: ByteWriter): void {
    const count = reader.count();
    writer.u32(count);
    for (let left = count; left > 0; left--) {
      const limits = readLimits(reader);
      this.countInitial(limits);
      this.writeLimits(writer, limits);
    }
  }

  /** @throws ModuleError when the memories of the module begin with more */
  countInitial({ min }: Limits): void {
    this.#initialPages += min;
    if (this.#initialPages <= this.#maxPages) return;
    throw new ModuleError(
      "module-memory-too-large",
      `The module begins with ${this.#initialPages * pageBytes} bytes of memory; at most ${this.#maxBytes} are allowed. Raise --max-memory or build it with a smaller initial memory.`,
    );
  }

  writeLimits(writer: ByteWriter, limits: Limits): void {
    writeLimits(writer, limits, this.#maxPages, mostPages);
  }

  maxPages(limits: Limits): number {
    return cappedMax(limits, this.#maxPages, mostPages);
  }
}

function writeLimits(writer: ByteWriter, limits: Limits, cap: number, most: number): void {
  writer.u8(limits.isShared ? 3 : 1);
  writer.u32(limits.min);
  writer.u32(cappedMax(limits, cap, most));
}

/** Lowers a maximum, unless the engine refuses it: an invalid module must not become a valid one. */
function cappedMax({ min, max }: Limits, cap: number, most: number): number {
  const isRefused = max !== null && (max < min || max > most);
  return isRefused ? max : Math.min(max ?? cap, cap);
}
