/**
 * A cursor over bytes nobody vouches for: every read is checked against the end of its range, every LEB128 against
 * its width. What the values mean is left to the callers.
 */

import { ModuleError } from "../module-error.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function invalidModule(what: string, offset: number): ModuleError {
  return new ModuleError(
    "module-invalid",
    `The module is not valid WebAssembly: ${what} at byte ${offset}. Build it again, or check that the file is complete.`,
  );
}

export class ByteReader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte in `bytes`. Writable, so that hot loops may step over bytes they have looked at. */
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  u8(): number {
    if (this.at >= this.end) throw this.#cutOff();
    return this.bytes[this.at++] as number;
  }

  u32(): number {
    if (this.at < this.end) {
      const first = this.bytes[this.at] as number;
      if (first < 0x80) {
        this.at++;
        return first;
      }
    }
    return this.#longU32();
  }

  #longU32(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw invalidModule("an unsigned 32-bit number is too long", start);
  }

  s32(): number {
    if (this.at < this.end) {
      const first = this.bytes[this.at] as number;
      if (first < 0x80) {
        this.at++;
        return (first << 25) >> 25;
      }
    }
    return this.#longS32();
  }

  #longS32(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x07 && (byte < 0x78 || byte > 0x7f)) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return shift < 28 ? (value << (25 - shift)) >> (25 - shift) : value;
    }
    throw invalidModule("a signed 32-bit number is too long", start);
  }

  /** A signed 33-bit number, as block types and heap types are written. */
  s33(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0, scale = 1; shift < 35; shift += 7, scale *= 128) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f && (byte < 0x70 || byte > 0x7f)) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte & 0x40 ? value - scale * 128 : value;
    }
    throw invalidModule("a signed 33-bit number is too long", start);
  }

  skipS64(): void {
    const start = this.at;
    for (let length = 1; length <= 10; length++) {
      const byte = this.u8();
      if (length === 10 && byte !== 0x00 && byte !== 0x7f) break;
      if (byte < 0x80) return;
    }
    throw invalidModule("a signed 64-bit number is too long", start);
  }

  skip(length: number): void {
    if (length > this.end - this.at) throw this.#cutOff();
    this.at += length;
  }

  /** The length of a list whose elements take at least one byte each, so that it can be trusted for allocation. */
  count(): number {
    const start = this.at;
    const count = this.u32();
    if (count > this.end - this.at) throw invalidModule(`a list of ${count} elements does not fit`, start);
    return count;
  }

  /** A length-prefixed range of bytes as a reader of its own; this reader moves past it. */
  range(): ByteReader {
    const length = this.count();
    const start = this.at;
    this.at += length;
    return new ByteReader(this.bytes, start, this.at);
  }

  name(): string {
    const { at, end } = this.range();
    return decoder.decode(this.bytes.subarray(at, end));
  }

  #cutOff(): ModuleError {
    return invalidModule("the bytes end too early", this.at);
  }
}
