/** Ticks of a root context: one timer, which never has two ticks on the way. */

/** What the guest asks for, as long as its ticks do not take the thread from everybody else. */
const MIN_PERIOD_MS = 1;
/** More does not fit into a timer. */
const MAX_PAUSE_MS = 2 ** 31 - 1;

export class TickTimer {
  readonly #onTick: () => void;
  #periodMs = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  /** Begins anew; 0 stops. */
  setPeriod(periodMs: number): void {
    this.stop();
    this.#periodMs = periodMs;
    if (periodMs > 0) this.#schedule(periodMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#periodMs = 0;
  }

  #schedule(pauseMs: number): void {
    this.#timer = setTimeout(() => this.#tick(), Math.max(MIN_PERIOD_MS, Math.min(pauseMs, MAX_PAUSE_MS)));
    // A process that waits for nothing else may end.
    this.#timer.unref();
  }

  #tick(): void {
    const startedAtMs = performance.now();
    this.#timer = null;
    this.#onTick();
    // The guest may have set another period, or none.
    if (this.#periodMs === 0 || this.#timer !== null) return;
    const costMs = performance.now() - startedAtMs;
    this.#schedule(Math.max(this.#periodMs - costMs, costMs));
  }
}
