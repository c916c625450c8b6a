/**
 * How long a slot that lost its instance waits for the next one.
 *
 * Refilling costs what making an instance costs, so the pause follows the measured cost: at most a fifth of the time
 * goes into refilling, however many poison requests arrive, and a cheap module is back within a fraction of a
 * millisecond. An instance that cannot even be made doubles the pause each time.
 */

const COST_FACTOR = 4;
const MAX_PAUSE_MS = 100;
const FIRST_FAILED_START_PAUSE_MS = 10;
const MAX_FAILED_START_PAUSE_MS = 5000;

export class RefillPause {
  #lastCostMs = 0;
  #lastMadeAtMs = Number.NEGATIVE_INFINITY;
  #failedStarts = 0;

  recordMade(costMs: number, nowMs: number): void {
    this.#lastCostMs = costMs;
    this.#lastMadeAtMs = nowMs;
    this.#failedStarts = 0;
  }

  recordFailedStart(): void {
    this.#failedStarts++;
  }

  /** Milliseconds from now until an instance may be made; 0 means at once. */
  remainingMs(nowMs: number): number {
    if (this.#failedStarts > 0) {
      return Math.min(FIRST_FAILED_START_PAUSE_MS * 2 ** (this.#failedStarts - 1), MAX_FAILED_START_PAUSE_MS);
    }
    const pauseMs = Math.min(this.#lastCostMs * COST_FACTOR, MAX_PAUSE_MS);
    return Math.max(0, this.#lastMadeAtMs + pauseMs - nowMs);
  }
}
