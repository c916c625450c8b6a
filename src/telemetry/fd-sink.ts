/**
 * Writes text to a file descriptor at once, so that the last line before an exit is never lost, and never throws: a log
 * must not be able to stop the agent. A reader that went away (EPIPE) or a full disk costs the text and nothing else.
 * A descriptor that somebody made non-blocking may refuse text (EAGAIN): a bounded amount waits for the next write, what
 * exceeds it is dropped piece by piece and counted.
 */

import { writeSync } from "node:fs";

export type WriteBytes = (fd: number, bytes: Uint8Array) => number;

export interface FdSinkOptions {
  /** How many bytes may wait for a reader that is too slow. */
  readonly maxWaitingBytes?: number;
  readonly writeBytes?: WriteBytes;
}

const DEFAULT_MAX_WAITING_BYTES = 256 * 1024;
const FLUSH_PAUSE_MS = 2;

export class FdSink {
  readonly #fd: number;
  readonly #maxWaitingBytes: number;
  readonly #writeBytes: WriteBytes;
  readonly #encoder = new TextEncoder();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;

  constructor(fd: number, options: FdSinkOptions = {}) {
    this.#fd = fd;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? DEFAULT_MAX_WAITING_BYTES;
    this.#writeBytes = options.writeBytes ?? writeSync;
  }

  /** Each text is written whole or not at all, unless the descriptor itself fails in the middle. */
  write(text: string): void {
    const bytes = this.#encoder.encode(text);
    if (this.#waitingBytes + bytes.length > this.#maxWaitingBytes) this.#drain();
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > this.#maxWaitingBytes) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#drain();
  }

  /** How many texts were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Before an exit: blocks the thread for at most `maxWaitMs` while a slow reader takes what still waits. */
  flush(maxWaitMs: number): void {
    const giveUpAt = performance.now() + maxWaitMs;
    this.#drain();
    while (this.#waitingBytes > 0 && performance.now() < giveUpAt) {
      Bun.sleepSync(FLUSH_PAUSE_MS);
      this.#drain();
    }
  }

  #drain(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      let taken: number;
      try {
        taken = this.#writeBytes(this.#fd, next);
      } catch (error) {
        if (isWouldBlock(error)) return;
        this.#waiting = [];
        this.#waitingBytes = 0;
        return;
      }
      this.#waitingBytes -= taken;
      if (taken < next.length) {
        this.#waiting[0] = next.subarray(taken);
      } else {
        this.#waiting.shift();
      }
    }
  }
}

function isWouldBlock(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
