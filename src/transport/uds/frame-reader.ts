/**
 * Cuts a byte stream into frames: `[length: u32 big-endian][length bytes]` (docs/agent-protocol.md 2.1, 3.1). Both
 * protocols share this shape; what the bytes mean, the v2 type byte included, is left to the protocols.
 *
 * A frame that lies whole in the chunk just fed is handed out as a view onto it, without a copy. Bytes are copied only
 * when a frame spans chunks, into a buffer that grows with what has really arrived (never with what a length promises)
 * and that is one piece, so a peer that sends single bytes costs no list of pieces.
 */

import { FrameError } from "../frame-error.ts";
import { LENGTH_PREFIX_BYTES } from "../frame-limits.ts";

const EMPTY = Buffer.alloc(0);
const FIRST_CAPACITY_BYTES = 1024;
/** A larger buffer that is mostly empty is given back. */
const KEPT_CAPACITY_BYTES = 64 * 1024;

export class FrameReader {
  /** Bytes of the frame that `next()` found: `buffer[start..end)`. Valid until the following `feed` or `release`. */
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;

  /** Lengths above it are refused as soon as they are known. */
  maxFrameBytes: number;

  #cursor = 0;
  #limit = 0;
  /** True when `buffer` is ours to append to; false while it is the caller's chunk. */
  #owned = false;

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /** Bytes fed and not yet handed out as frames. */
  get bufferedBytes(): number {
    return this.#limit - this.#cursor;
  }

  /** Bytes in a buffer of our own, which lies in memory for a few times as many at most. */
  get heldBytes(): number {
    return this.#owned ? this.bufferedBytes : 0;
  }

  /** Bytes fed and not yet handed out, as a copy. Valid outside of `feed` and `release` only. */
  copyRest(): Buffer {
    return Buffer.from(this.buffer.subarray(this.#cursor, this.#limit));
  }

  /** Whether nothing of a frame would be left after this chunk. Only looks at lengths. */
  endsWith(chunk: Buffer): boolean {
    if (this.#cursor !== this.#limit) return false;
    let at = 0;
    while (at + LENGTH_PREFIX_BYTES <= chunk.length) at += LENGTH_PREFIX_BYTES + chunk.readUInt32BE(at);
    return at === chunk.length;
  }

  /** Takes a chunk as it came from the socket. The chunk is borrowed until `release()`. */
  feed(chunk: Buffer): void {
    if (this.#cursor === this.#limit) {
      this.buffer = chunk;
      this.#cursor = 0;
      this.#limit = chunk.length;
      this.#owned = false;
      return;
    }
    this.#append(chunk);
  }

  /**
   * The first byte after the length of the current frame, or -1 while it has not arrived: it tells the protocols apart
   * (docs/agent-protocol.md 1.4).
   *
   * @throws FrameError when the length itself is impossible.
   */
  peekFirstByte(): number {
    if (this.bufferedBytes < LENGTH_PREFIX_BYTES) return -1;
    this.#checkedLength();
    return this.bufferedBytes === LENGTH_PREFIX_BYTES ? -1 : this.buffer[this.#cursor + LENGTH_PREFIX_BYTES]!;
  }

  /**
   * Moves to the next frame: true when `buffer`, `start` and `end` name one, false when more bytes are needed.
   *
   * @throws FrameError for a length of zero or above the limit, before any of the frame is buffered.
   */
  next(): boolean {
    if (this.bufferedBytes < LENGTH_PREFIX_BYTES) return false;
    const length = this.#checkedLength();
    const start = this.#cursor + LENGTH_PREFIX_BYTES;
    if (this.#limit - start < length) return false;
    this.start = start;
    this.end = start + length;
    this.#cursor = this.end;
    return true;
  }

  /** Gives the borrowed chunk back: what is left of it is copied. Call it before the chunk's owner takes over again. */
  release(): void {
    if (this.#cursor === this.#limit) {
      this.buffer = EMPTY;
      this.#cursor = 0;
      this.#limit = 0;
      this.#owned = false;
      return;
    }
    const isMostlyEmpty =
      this.buffer.length > KEPT_CAPACITY_BYTES && this.bufferedBytes < this.buffer.length / 4;
    if (!this.#owned || isMostlyEmpty) this.#copyInto(FIRST_CAPACITY_BYTES);
  }

  #checkedLength(): number {
    const buffer = this.buffer;
    const at = this.#cursor;
    const length =
      ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0;
    if (length === 0) {
      throw new FrameError(
        "frame-empty",
        "the peer sent a frame of length 0; every frame carries at least one byte",
      );
    }
    if (length > this.maxFrameBytes) {
      throw new FrameError(
        "frame-too-large",
        `the peer announced a frame of ${length} bytes; at most ${this.maxFrameBytes} are allowed`,
      );
    }
    return length;
  }

  #append(chunk: Buffer): void {
    const needed = this.bufferedBytes + chunk.length;
    if (!this.#owned || this.buffer.length - this.#limit < chunk.length) {
      this.#copyInto(Math.min(needed * 2, Math.max(needed, this.#frameBytes())));
    }
    this.buffer.set(chunk, this.#limit);
    this.#limit += chunk.length;
  }

  /** The whole current frame with its length, as announced; without bound while that is unknown. */
  #frameBytes(): number {
    if (this.bufferedBytes < LENGTH_PREFIX_BYTES) return Number.POSITIVE_INFINITY;
    return LENGTH_PREFIX_BYTES + this.buffer.readUInt32BE(this.#cursor);
  }

  #copyInto(capacityBytes: number): void {
    const kept = this.bufferedBytes;
    const target = Buffer.allocUnsafeSlow(Math.max(capacityBytes, kept));
    this.buffer.copy(target, 0, this.#cursor, this.#limit);
    this.buffer = target;
    this.#cursor = 0;
    this.#limit = kept;
    this.#owned = true;
  }
}
