/**
 * How much of a thread may go into replacing instances that broke.
 *
 * Time spent on making instances is paid from a credit that grows by half of the time that passes, and with every
 * event an instance answers before it breaks. So poison among good requests is paid for by these, a burst of it costs
 * the requests in between nothing, and a storm of nothing else takes at most half of the thread; only then do slots
 * stay empty for a while. An instance that cannot even be made doubles a pause of its own.
 */

const SHARE = 0.5;
/**
 * What an answered event adds: a few times what it took. One poison request in fifty so pays for an instance of 2 ms,
 * collector included; with fewer good ones between, what they took is not lost beside what the instances do.
 */
const ANSWERED_CREDIT_MS = 0.05;
/** A collector pause that falls into a refill is not the refill's cost: at most so many times the usual is charged. */
const MAX_CHARGE_FACTOR = 4;
const FALL = 0.5;
const RISE = 0.05;
const MAX_CREDIT_MS = 100;
const FIRST_FAILED_START_PAUSE_MS = 10;
const MAX_FAILED_START_PAUSE_MS = 5000;

export class RefillBudget {
  #creditMs = MAX_CREDIT_MS;
  #countedAtMs: number;
  #usualCostMs: number | null = null;
  #failedStarts = 0;
  #lastFailedAtMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number) {
    this.#countedAtMs = nowMs;
  }

  /** An instance is gone that had answered so many events. */
  recordAnswered(events: number): void {
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + events * ANSWERED_CREDIT_MS);
  }

  /** In place of one that broke. One that was replaced on purpose costs the credit nothing: see `recordGoodStart`. */
  recordMade(costMs: number, nowMs: number): void {
    this.#count(nowMs);
    const usualMs = this.#usualCostMs ?? costMs;
    this.#usualCostMs = usualMs + (costMs - usualMs) * (costMs < usualMs ? FALL : RISE);
    this.#creditMs -= Math.min(costMs, this.#usualCostMs * MAX_CHARGE_FACTOR);
    this.recordGoodStart();
  }

  recordGoodStart(): void {
    this.#failedStarts = 0;
  }

  recordFailedStart(nowMs: number): void {
    this.#failedStarts++;
    this.#lastFailedAtMs = nowMs;
  }

  /** Milliseconds from now until an instance may be made; 0 means at once. */
  remainingMs(nowMs: number): number {
    if (this.#failedStarts > 0) {
      const pauseMs = FIRST_FAILED_START_PAUSE_MS * 2 ** (this.#failedStarts - 1);
      return Math.max(0, this.#lastFailedAtMs + Math.min(pauseMs, MAX_FAILED_START_PAUSE_MS) - nowMs);
    }
    this.#count(nowMs);
    return this.#creditMs > 0 ? 0 : -this.#creditMs / SHARE;
  }

  #count(nowMs: number): void {
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + (nowMs - this.#countedAtMs) * SHARE);
    this.#countedAtMs = nowMs;
  }
}
