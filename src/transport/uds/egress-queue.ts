/**
 * Bytes that the kernel would not take yet, in order. Bun's `write` may take a part and keeps none of the rest
 * (oven-sh/bun issues 9682 and 16076), so what is left lives here until the socket drains.
 */

export class EgressQueue {
  #parts: Buffer[] = [];
  #firstOffset = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get parts(): number {
    return this.#parts.length;
  }

  /** Copies `bytes` to the end. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
  }

  /** Writes until the queue is empty or `write` takes less than it was given. `write` answers the bytes it took. */
  drain(write: (bytes: Buffer) => number): void {
    let done = 0;
    for (; done < this.#parts.length; done++) {
      const part = this.#parts[done]!;
      const rest = this.#firstOffset === 0 ? part : part.subarray(this.#firstOffset);
      const taken = Math.max(0, write(rest));
      this.#bytes -= taken;
      if (taken < rest.length) {
        this.#firstOffset += taken;
        break;
      }
      this.#firstOffset = 0;
    }
    if (done > 0) this.#parts = this.#parts.slice(done);
  }

  /** Everything in the queue, as a copy. */
  copy(): Buffer {
    return Buffer.concat(this.#parts.map((part, i) => (i === 0 ? part.subarray(this.#firstOffset) : part)));
  }

  clear(): void {
    this.#parts = [];
    this.#firstOffset = 0;
    this.#bytes = 0;
  }
}
