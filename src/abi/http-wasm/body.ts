/**
 * The two sides of a message's body: what the guest reads, as a stream that may still be coming, and what it writes in
 * its place.
 */

import type { GuestBuffers } from "./guest-buffers.ts";

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Each read continues where the last one stopped. */
export class BodyReader {
  readonly #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
  #readBytes = 0;
  #discardedBytes = 0;
  /** Of the first piece that has not been read to its end. */
  #piece = 0;
  #offset = 0;
  #isEnded = false;
  #isTruncated = false;
  #wasReadToEnd = false;

  /** Bytes that have come so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes that are kept. */
  get keptBytes(): number {
    return this.#sizeBytes - this.#discardedBytes;
  }

  /** Nothing comes any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** A part of the body was left out; nobody says so to the guest. */
  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  /** The guest was told that it has seen all of the body. */
  get wasReadToEnd(): boolean {
    return this.#wasReadToEnd;
  }

  /** `bytes` is kept, not copied. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  end(isTruncated: boolean): void {
    this.#isEnded = true;
    this.#isTruncated = isTruncated;
  }

  /** Whether a read can be answered now: its buffer is filled unless the body ends within it. */
  canFill(limit: number): boolean {
    return this.#isEnded || this.#sizeBytes - this.#readBytes >= limit;
  }

  /** Writes at most `limit` bytes and returns their number. */
  readInto(buffers: GuestBuffers, buffer: number, limit: number): number {
    let written = 0;
    while (written < limit && this.#piece < this.#pieces.length) {
      const piece = this.#pieces[this.#piece]!;
      const count = Math.min(limit - written, piece.length - this.#offset);
      buffers.write(asBuffer(piece), this.#offset, this.#offset + count, buffer + written);
      written += count;
      this.#offset += count;
      if (this.#offset < piece.length) break;
      this.#piece++;
      this.#offset = 0;
    }
    this.#readBytes += written;
    return written;
  }

  /** To be asked after a read: the body ended within it. */
  reachedEnd(): boolean {
    if (!this.#isEnded || this.#readBytes < this.#sizeBytes) return false;
    this.#wasReadToEnd = true;
    return true;
  }

  /** Forgets what was read, and with `all` the rest, too: that reads as the end. `toBytes` is not to be called any more. */
  discard(all: boolean): void {
    const pieces = all ? this.#pieces.length : this.#piece;
    for (const piece of this.#pieces.splice(0, pieces)) this.#discardedBytes += piece.length;
    this.#piece -= Math.min(pieces, this.#piece);
    if (!all) return;
    this.#readBytes = this.#sizeBytes;
    this.#offset = 0;
  }

  /** All that has come, read or not. Not to be written to. */
  toBytes(): Uint8Array {
    return joined(this.#pieces, this.#sizeBytes);
  }
}

/** The first write takes the place of the body, later ones append to it. */
export class BodyWriter {
  #pieces: Uint8Array[] | null = null;
  #sizeBytes = 0;

  get isWritten(): boolean {
    return this.#pieces !== null;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whatever was written is gone, and the body is empty. */
  clear(): void {
    this.#pieces = [];
    this.#sizeBytes = 0;
  }

  write(bytes: Uint8Array): void {
    this.#pieces ??= [];
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Null: the body is as it was. Not to be written to. */
  toBytes(): Uint8Array | null {
    return this.#pieces === null ? null : joined(this.#pieces, this.#sizeBytes);
  }
}

export function joined(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (pieces.length === 0) return NO_BYTES;
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, sizeBytes);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
