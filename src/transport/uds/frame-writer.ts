/**
 * Gathers outgoing frames in one buffer, so that all answers of one read leave in one write. Frames are written whole
 * or not at all. Bytes are only ever appended; the owner takes a view, writes it, and clears.
 */

import { FrameError } from "../frame-error.ts";
import { LENGTH_PREFIX_BYTES } from "../frame-limits.ts";

const FIRST_CAPACITY_BYTES = 64 * 1024;
/** A buffer that one big answer blew up is given back after the flush. */
const KEPT_CAPACITY_BYTES = 1024 * 1024;
/** UTF-8 needs at most three bytes for one UTF-16 code unit. */
const MAX_UTF8_BYTES_PER_UNIT = 3;
const EMPTY = Buffer.alloc(0);

export class FrameWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY_BYTES);
  #length = 0;
  #view: Buffer = EMPTY;

  get length(): number {
    return this.#length;
  }

  /**
   * Appends one frame of a text. `type` is the v2 type byte, or -1 for a frame without one.
   *
   * @throws FrameError when the frame would be larger than `maxFrameBytes`; nothing is appended then.
   */
  appendText(type: number, text: string, maxFrameBytes: number): void {
    const at = this.#length;
    const bodyAt = at + LENGTH_PREFIX_BYTES + (type < 0 ? 0 : 1);
    this.#reserve(bodyAt + text.length * MAX_UTF8_BYTES_PER_UNIT);
    const bodyBytes = this.#buffer.write(text, bodyAt, "utf8");
    this.#finish(at, type, bodyAt + bodyBytes, maxFrameBytes);
  }

  /** Appends one frame of bytes, which are copied. Throws as `appendText` does. */
  appendBytes(type: number, bytes: Uint8Array, maxFrameBytes: number): void {
    const at = this.#length;
    const bodyAt = at + LENGTH_PREFIX_BYTES + (type < 0 ? 0 : 1);
    this.#reserve(bodyAt + bytes.length);
    this.#buffer.set(bytes, bodyAt);
    this.#finish(at, type, bodyAt + bytes.length, maxFrameBytes);
  }

  /** A view onto everything appended since the last `clear`, valid until the next append or `clear`. */
  view(): Buffer {
    // Answers are often as long as the one before.
    if (this.#view.length !== this.#length) this.#view = this.#buffer.subarray(0, this.#length);
    return this.#view;
  }

  clear(): void {
    this.#length = 0;
    if (this.#buffer.length > KEPT_CAPACITY_BYTES) this.#use(Buffer.allocUnsafeSlow(FIRST_CAPACITY_BYTES));
  }

  #finish(at: number, type: number, end: number, maxFrameBytes: number): void {
    const length = end - at - LENGTH_PREFIX_BYTES;
    if (length > maxFrameBytes) {
      throw new FrameError(
        "frame-too-large",
        `an answer would need a frame of ${length} bytes; the peer accepts at most ${maxFrameBytes}`,
      );
    }
    const buffer = this.#buffer;
    buffer[at] = length >>> 24;
    buffer[at + 1] = length >>> 16;
    buffer[at + 2] = length >>> 8;
    buffer[at + 3] = length;
    if (type >= 0) buffer[at + LENGTH_PREFIX_BYTES] = type;
    this.#length = end;
  }

  #reserve(totalBytes: number): void {
    if (totalBytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(totalBytes, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#use(grown);
  }

  #use(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#view = EMPTY;
  }
}
