/**
 * How many lines a guest may log: a fixed number in any window of a second, counted without a timer. What is over is
 * dropped and counted. One per slot, so that a refilled slot gets no fresh allowance.
 */

const DEFAULT_LINES_PER_SECOND = 100;
const WINDOW_MS = 1000;

export interface LineRateOptions {
  /** 0 means all of them. */
  readonly linesPerSecond?: number;
  /** Any clock that does not go back. */
  readonly nowMs?: () => number;
}

export class LineRate {
  readonly nowMs: () => number;
  readonly #linesPerSecond: number;
  #windowStartedAtMs = Number.NEGATIVE_INFINITY;
  #admitted = 0;
  #suppressed = 0;

  constructor(options: LineRateOptions = {}) {
    this.nowMs = options.nowMs ?? (() => performance.now());
    const linesPerSecond = options.linesPerSecond ?? DEFAULT_LINES_PER_SECOND;
    this.#linesPerSecond = linesPerSecond === 0 ? Number.POSITIVE_INFINITY : linesPerSecond;
  }

  get hasSuppressed(): boolean {
    return this.#suppressed > 0;
  }

  /** False, and counted, when this second's lines are used up. */
  admit(nowMs: number): boolean {
    if (nowMs - this.#windowStartedAtMs >= WINDOW_MS) {
      this.#windowStartedAtMs = nowMs;
      this.#admitted = 0;
    }
    if (this.#admitted >= this.#linesPerSecond) {
      this.#suppressed++;
      return false;
    }
    this.#admitted++;
    return true;
  }

  /** Lines dropped in a window that is over, and forgets them; 0 while it still runs. */
  takeSuppressed(nowMs: number): number {
    if (this.#suppressed === 0 || nowMs - this.#windowStartedAtMs < WINDOW_MS) return 0;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
