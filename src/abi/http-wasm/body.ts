/**
 * The two sides of a message's body: what the guest reads, as a stream that may still be coming, and what it writes in
 * its place.
 */

import { isUtf8 } from "../../event/utf8.ts";

/** So few bytes are copied faster one by one. */
const SHORT = 24;
const REPLACEMENT = "\uFFFD";
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Each read continues where the last one stopped. */
export class BodyReader {
  readonly #pieces: Buffer[] = [];
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
    this.#pieces.push(
      Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    );
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

  /** Writes at most `limit` bytes to `target[at..)` and returns their number. */
  readInto(target: Uint8Array, at: number, limit: number): number {
    let written = 0;
    while (written < limit && this.#piece < this.#pieces.length) {
      const piece = this.#pieces[this.#piece]!;
      const count = Math.min(limit - written, piece.length - this.#offset);
      copy(piece, this.#offset, count, target, at + written);
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

/** The first write takes the place of the body, later ones append to it. What is text is kept as text. */
export class BodyWriter {
  readonly #pieces: (string | Uint8Array)[] = [];
  #isWritten = false;
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whatever was written is gone, and the body is empty. */
  clear(): void {
    this.#isWritten = true;
    this.#pieces.length = 0;
    this.#sizeBytes = 0;
  }

  /** `sizeBytes`: of the piece, in UTF-8 if it is text. */
  write(piece: string | Uint8Array, sizeBytes: number): void {
    this.#isWritten = true;
    if (sizeBytes === 0) return;
    this.#pieces.push(piece);
    this.#sizeBytes += sizeBytes;
  }

  /** Null: the body is as it was. Not to be written to. */
  toBytes(): Uint8Array | null {
    if (!this.#isWritten) return null;
    return joined(this.#pieces.map(toBytes), this.#sizeBytes);
  }

  /** The same as text; undefined when it is not UTF-8. */
  toText(): string | null | undefined {
    if (!this.#isWritten) return null;
    const [first = ""] = this.#pieces;
    if (this.#pieces.length <= 1 && typeof first === "string") return first;
    if (this.#pieces.every((piece) => typeof piece === "string")) return this.#pieces.join("");
    return textOf(joined(this.#pieces.map(toBytes), this.#sizeBytes));
  }
}

/** Undefined for bytes that are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  // The replacement character may be the guest's own.
  return !text.includes(REPLACEMENT) || isUtf8(bytes) ? text : undefined;
}

function toBytes(piece: string | Uint8Array): Uint8Array {
  return typeof piece === "string" ? Buffer.from(piece) : piece;
}

export function joined(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (pieces.length === 0) return NO_BYTES;
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, sizeBytes);
}

function copy(from: Buffer, offset: number, count: number, to: Uint8Array, at: number): void {
  if (count <= SHORT) for (let i = 0; i < count; i++) to[at + i] = from[offset + i]!;
  else from.copy(to, at, offset, offset + count);
}
