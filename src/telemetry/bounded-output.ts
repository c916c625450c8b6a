/**
 * Text on its way to a reader who may be slow, may have stopped reading, or may be gone: none of them holds up the agent,
 * and none makes it throw. What cannot be taken at once waits, up to a bound; what exceeds the bound is dropped. Each text
 * is taken at once where that is possible, so that the last line before an exit is not lost.
 */

/**
 * Writes without waiting and returns how many bytes were taken.
 *
 * @throws an error with the code EAGAIN when nothing can be taken now
 */
export type WriteBytes = (bytes: Uint8Array) => number;

export interface BoundedOutputOptions {
  readonly maxWaitingBytes?: number;
  /** What was to be written is lost, for another reason than a slow reader: a full disk, a reader that is gone. */
  readonly onFailure?: (error: unknown) => void;
}

const DEFAULT_MAX_WAITING_BYTES = 256 * 1024;
/** How often it is tried again to write what a reader has not taken; no line pays for trying in between. */
const RETRY_MS = 10;
const FLUSH_PAUSE_MS = 2;

export class BoundedOutput {
  readonly #writeBytes: WriteBytes;
  readonly #maxWaitingBytes: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(writeBytes: WriteBytes, options: BoundedOutputOptions = {}) {
    this.#writeBytes = writeBytes;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? DEFAULT_MAX_WAITING_BYTES;
    this.#onFailure = options.onFailure ?? (() => {});
  }

  /**
   * False: the text was dropped, because too much waits already. It is written whole or not at all, unless the
   * descriptor itself fails in the middle.
   */
  write(text: string): boolean {
    const bytes = this.#encoder.encode(text);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > this.#maxWaitingBytes) return false;
    this.#append(bytes);
    return true;
  }

  /** For the line that says why the process ends: it is never dropped, however much waits. */
  writeLast(text: string): void {
    this.#append(this.#encoder.encode(text));
  }

  /** Before an exit: blocks the thread for at most `maxWaitMs` while a slow reader takes what still waits. */
  flush(maxWaitMs: number): void {
    const giveUpAtMs = performance.now() + maxWaitMs;
    this.#drain();
    while (this.#waitingBytes > 0 && performance.now() < giveUpAtMs) {
      Bun.sleepSync(FLUSH_PAUSE_MS);
      this.#drain();
    }
  }

  #append(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry === null) this.#drain();
  }

  #drain(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      let taken: number;
      try {
        taken = this.#writeBytes(next);
      } catch (error) {
        if (isWouldBlock(error)) {
          this.#drainLater();
          return;
        }
        this.#waiting = [];
        this.#waitingBytes = 0;
        this.#onFailure(error);
        return;
      }
      this.#waitingBytes -= taken;
      if (taken < next.length) this.#waiting[0] = next.subarray(taken);
      else this.#waiting.shift();
    }
  }

  /** Lines come when something happens; what waits must not wait for the next one. */
  #drainLater(): void {
    if (this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#drain();
    }, RETRY_MS);
    this.#retry.unref();
  }
}

function isWouldBlock(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
