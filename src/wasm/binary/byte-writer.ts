/**
 * A growing buffer for the rewritten module. Knows LEB128 and sections, not what they hold.
 */

import { ModuleError } from "../module-error.ts";

/** JavaScriptCore accepts no larger module. */
export const maxModuleBytes = 2 ** 30;

/** Below this a byte loop beats the call that copies a range. */
const shortRange = 48;

const encoder = new TextEncoder();

export class ByteWriter {
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(Math.max(capacity, 64));
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written so far: a view, valid until the next write. */
  get view(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): this {
    this.#length = 0;
    return this;
  }

  u8(value: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1);
    this.#buffer[this.#length++] = value;
  }

  u32(value: number): void {
    if (this.#buffer.length - this.#length < 5) this.#grow(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  s32(value: number): void {
    if (this.#buffer.length - this.#length < 5) this.#grow(5);
    let rest = value;
    while (rest > 0x3f || rest < -0x40) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.#buffer[this.#length++] = rest & 0x7f;
  }

  /** Copies `source[from, to)`. */
  range(source: Uint8Array, from: number, to: number): void {
    const size = to - from;
    if (this.#buffer.length - this.#length < size) this.#grow(size);
    if (size < shortRange) {
      const buffer = this.#buffer;
      let at = this.#length;
      for (let i = from; i < to; i++) buffer[at++] = source[i] as number;
      this.#length = at;
    } else {
      this.#buffer.set(source.subarray(from, to), this.#length);
      this.#length += size;
    }
  }

  bytes(source: Uint8Array | readonly number[]): void {
    const size = source.length;
    if (this.#buffer.length - this.#length < size) this.#grow(size);
    if (size < shortRange) {
      const buffer = this.#buffer;
      let at = this.#length;
      for (let i = 0; i < size; i++) buffer[at++] = source[i] as number;
      this.#length = at;
    } else {
      this.#buffer.set(source, this.#length);
      this.#length += size;
    }
  }

  name(text: string): void {
    const bytes = encoder.encode(text);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  /** A section or subsection: its id, its size, its content. */
  section(id: number, content: ByteWriter): void {
    this.u8(id);
    this.u32(content.length);
    this.bytes(content.view);
  }

  #grow(needed: number): void {
    const wanted = this.#length + needed;
    if (wanted > maxModuleBytes) {
      throw new ModuleError(
        "module-too-large",
        `The module with its limits built in is larger than ${maxModuleBytes} bytes, the most the engine accepts. Use a smaller module.`,
      );
    }
    const larger = new Uint8Array(Math.min(Math.max(wanted, this.#buffer.length * 2), maxModuleBytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
