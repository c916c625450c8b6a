/**
 * The part of a body that a guest can read and change at the moment: the bytes of one event, or with a guest that has
 * paused all that came since (docs/proxy-wasm.md 6).
 */

/** What a guest may make of a body; no frame to the proxy holds more. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

export class BodyWindow {
  #bytes: Buffer = NO_BYTES;
  /** Where `#bytes` begins, with room behind them; null while they belong to an event, which is never written to. */
  #room: Buffer | null = null;
  #isEdited = false;

  get length(): number {
    return this.#bytes.length;
  }

  /** Borrowed until the next change. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The guest has changed bytes since the last `clear`. */
  get isEdited(): boolean {
    return this.#isEdited;
  }

  /** False when the window would be too large. */
  append(bytes: Uint8Array): boolean {
    const before = this.#bytes.length;
    const length = before + bytes.length;
    if (length > MAX_WINDOW_BYTES) return false;
    if (bytes.length === 0) return true;
    if (before === 0) {
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#room = null;
      return true;
    }
    const room = this.#roomFor(length);
    room.set(bytes, before);
    this.#bytes = room.subarray(0, length);
    return true;
  }

  /**
   * Puts `bytes`, which are copied, in the place of `size` bytes from `start` on; beyond the end they are appended. False
   * when the window would be too large.
   */
  splice(start: number, size: number, bytes: Buffer): boolean {
    const before = this.#bytes;
    const from = Math.min(start, before.length);
    const to = Math.min(from + size, before.length);
    const length = before.length - (to - from) + bytes.length;
    if (length > MAX_WINDOW_BYTES) return false;
    this.#isEdited = true;
    const room = this.#roomFor(length);
    room.copyWithin(from + bytes.length, to, before.length);
    bytes.copy(room, from);
    this.#bytes = room.subarray(0, length);
    return true;
  }

  clear(): void {
    this.#bytes = NO_BYTES;
    this.#room = null;
    this.#isEdited = false;
  }

  /** Memory of its own that begins with the present bytes and has room for `length`; doubled, so that growth is cheap. */
  #roomFor(length: number): Buffer {
    if (this.#room !== null && this.#room.length >= length) return this.#room;
    const capacity =
      this.#room === null ? length : Math.min(MAX_WINDOW_BYTES, Math.max(length, this.#room.length * 2));
    const room = Buffer.allocUnsafe(Math.max(capacity, this.#bytes.length));
    this.#bytes.copy(room);
    this.#room = room;
    return room;
  }
}
