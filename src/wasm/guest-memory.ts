/**
 * The linear memory of one instance, as far as hosts may touch it: every access is checked against the size of this
 * moment, and answers false or null instead of throwing, so that a bad pointer becomes the caller's own error.
 *
 * Pointers and lengths come as JavaScript sees an i32; they are read as unsigned.
 */

const REPLACEMENT = "\uFFFD";

export class GuestMemory {
  readonly #memory: WebAssembly.Memory;
  /** Growth detaches the buffer: `#view()` makes a new one then. */
  #bytes: Buffer;
  #source: ArrayBufferLike;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#source = memory.buffer;
    this.#bytes = Buffer.from(this.#source as ArrayBuffer);
  }

  get sizeBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Writes a text as UTF-8. `byteLength` must be its exact length in UTF-8. False when it would not fit in memory. */
  writeText(pointer: number, text: string, byteLength: number): boolean {
    const bytes = this.#view();
    const start = pointer >>> 0;
    if (start + byteLength > bytes.length) return false;
    // Equal lengths mean ASCII, where Latin-1 is the same bytes and cheaper to write.
    bytes.write(text, start, byteLength, byteLength === text.length ? "latin1" : "utf8");
    return true;
  }

  /** Copies `source[from..to)`. False when it would not fit in memory. */
  writeBytes(pointer: number, source: Buffer, from: number, to: number): boolean {
    const bytes = this.#view();
    const start = pointer >>> 0;
    if (start + to - from > bytes.length) return false;
    source.copy(bytes, start, from, to);
    return true;
  }

  isInBounds(pointer: number, length: number): boolean {
    return (pointer >>> 0) + (length >>> 0) <= this.#view().length;
  }

  /** Reads UTF-8 text; null when the bytes are not UTF-8. The range must be in bounds. */
  readText(pointer: number, length: number): string | null {
    const bytes = this.#view();
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    const text = bytes.toString("utf8", start, end);
    if (!text.includes(REPLACEMENT)) return text;
    try {
      // A copy, since the strict decoder takes no shared memory.
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        Uint8Array.from(bytes.subarray(start, end)),
      );
    } catch {
      return null;
    }
  }

  /** Bytes before the first zero byte from `pointer` on; -1 when there is none within `maxBytes`, or within memory. */
  terminatedLength(pointer: number, maxBytes: number): number {
    const bytes = this.#view();
    const start = pointer >>> 0;
    if (start >= bytes.length) return -1;
    // A search in a view of its own would stop at `maxBytes`, but makes an object for every result.
    const end = bytes.indexOf(0, start);
    return end < 0 || end - start > maxBytes ? -1 : end - start;
  }

  /** A copy. The range must be in bounds. */
  copyBytes(pointer: number, length: number): Buffer {
    const start = pointer >>> 0;
    return Buffer.from(this.#view().subarray(start, start + (length >>> 0)));
  }

  /** All of it, at this moment: valid until control returns to the guest, which may grow it. Reading it is not cheap. */
  current(): Buffer {
    return this.#view();
  }

  #view(): Buffer {
    const buffer = this.#memory.buffer;
    if (buffer !== this.#source) {
      this.#source = buffer;
      this.#bytes = Buffer.from(buffer as ArrayBuffer);
    }
    return this.#bytes;
  }
}
