/**
 * The guest's memory as host functions see it: pointers come from the guest and are hostile. Whoever holds the view
 * calls `refresh` first, and again after each call into the guest, because growth of the memory takes the bytes away.
 */

import { isUtf8 } from "../../event/utf8.ts";

const REPLACEMENT = "\uFFFD";

export class GuestView {
  bytes: Buffer;
  data: DataView;
  readonly #memory: WebAssembly.Memory;
  readonly #isShared: boolean;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    const buffer = memory.buffer;
    this.#isShared = buffer instanceof SharedArrayBuffer;
    this.bytes = Buffer.from(buffer as ArrayBuffer);
    this.data = new DataView(buffer);
  }

  get sizeBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Growth detaches a buffer, which then has no bytes; only a shared one lives on and is too short. */
  refresh(): void {
    if (this.bytes.length === 0 || this.#isShared) this.#renew();
  }

  /** Both as unsigned numbers (`>>> 0`). Their sum is exact in a double, so nothing wraps around. */
  holds(pointer: number, length: number): boolean {
    return pointer + length <= this.bytes.length;
  }

  /** A copy, which outlives the call. The range must be held. */
  copy(pointer: number, length: number): Buffer {
    return Buffer.from(this.bytes.subarray(pointer, pointer + length));
  }

  /** Null when the bytes are not UTF-8. The range must be held. */
  readText(pointer: number, length: number): string | null {
    const text = this.bytes.toString("utf8", pointer, pointer + length);
    return text.includes(REPLACEMENT) && !isUtf8(this.copy(pointer, length)) ? null : text;
  }

  /** As text for people: what is not UTF-8 is replaced. The range must be held. */
  readLoosely(pointer: number, length: number): string {
    return this.bytes.toString("utf8", pointer, pointer + length);
  }

  #renew(): void {
    const buffer = this.#memory.buffer;
    if (buffer === this.data.buffer) return;
    this.bytes = Buffer.from(buffer as ArrayBuffer);
    this.data = new DataView(buffer);
  }
}
