/**
 * Translates moments of this thread's clock into those of another thread, whose clock began with it.
 *
 * Each thread knows by the wall clock when its own began. That tells exactly how far they are apart, unless the wall clock
 * was set in between; so it counts only within what is certain: the other clock began after its thread was asked for, and
 * no message was received before it was sent.
 */

export class ThreadClock {
  readonly #leastMs: number;
  #mostMs = Number.POSITIVE_INFINITY;
  #aheadMs: number;

  /** `startedAtMs`: when the other thread was asked for. */
  constructor(startedAtMs: number) {
    this.#leastMs = startedAtMs;
    this.#aheadMs = startedAtMs;
  }

  /** The other clock began so many milliseconds after this one, if the wall clock can be trusted. */
  suppose(laterMs: number): void {
    this.#aheadMs = Math.max(laterMs, this.#leastMs);
  }

  /** A message has arrived; `sentAtMs` is on the other clock. */
  observe(sentAtMs: number, receivedAtMs: number): void {
    this.#mostMs = Math.min(this.#mostMs, receivedAtMs - sentAtMs);
  }

  /** A moment of this thread's clock, on the other's. */
  toOther(atMs: number): number {
    return atMs - Math.min(this.#aheadMs, this.#mostMs);
  }
}
