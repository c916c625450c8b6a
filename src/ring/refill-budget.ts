/**
 * How much of a thread may go into replacing instances that broke.
 *
 * Time spent on making instances is paid from a credit that grows by half of the time that passes, and by the events
 * that instances answered before they were lost. So a storm of such events alone takes at most half of the thread; only then
 * do slots stay empty for a while. Poison among good requests is paid for by these: all are answered, the slower the
 * more of them there are. An instance that cannot even be made doubles a pause of its own.
 */

const SHARE = 0.5;
/**
 * What an answered event adds: about what it took. One failing request in a hundred is so paid for at any rate up to
 * instances of 2 ms, and whoever mixes them to that end gets three quarters of the thread (where events take less than
 * these 10 µs, some more).
 */
const ANSWERED_CREDIT_MS = 0.01;
/** A collector pause that falls into a refill is not the refill's cost: at most so many times the usual is charged. */
const MAX_CHARGE_FACTOR = 4;
const SMOOTHING = 0.05;
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

  /** An instance is gone, lost or replaced, that had answered so many events. */
  recordAnswered(events: number): void {
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + events * ANSWERED_CREDIT_MS);
  }

  /** An instance was made in place of one that was lost. */
  recordMade(costMs: number, nowMs: number): void {
    this.#count(nowMs);
    this.#creditMs -= Math.min(costMs, this.#usualMs(costMs) * MAX_CHARGE_FACTOR);
    this.recordGoodStart();
  }

  /** An instance was made that the operator wanted, which is not charged. */
  recordWanted(costMs: number): void {
    this.#usualMs(costMs);
    this.recordGoodStart();
  }

  recordGoodStart(): void {
    this.#failedStarts = 0;
  }

  /** `costMs`: what was spent on it in vain. */
  recordFailedStart(costMs: number, nowMs: number): void {
    this.#count(nowMs);
    this.#creditMs -= costMs;
    this.#failedStarts++;
    this.#lastFailedAtMs = nowMs;
  }

  /** Milliseconds from now until an instance may be made; 0 means at once. */
  remainingMs(nowMs: number): number {
    this.#count(nowMs);
    const untilPaidMs = this.#creditMs > 0 ? 0 : -this.#creditMs / SHARE;
    return Math.max(untilPaidMs, this.#failurePauseMs(nowMs));
  }

  #failurePauseMs(nowMs: number): number {
    if (this.#failedStarts === 0) return 0;
    const pauseMs = FIRST_FAILED_START_PAUSE_MS * 2 ** (this.#failedStarts - 1);
    return Math.max(0, this.#lastFailedAtMs + Math.min(pauseMs, MAX_FAILED_START_PAUSE_MS) - nowMs);
  }

  #usualMs(costMs: number): number {
    const usualMs = this.#usualCostMs ?? costMs;
    this.#usualCostMs = usualMs + (costMs - usualMs) * SMOOTHING;
    return this.#usualCostMs;
  }

  #count(nowMs: number): void {
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + (nowMs - this.#countedAtMs) * SHARE);
    this.#countedAtMs = nowMs;
  }
}
