/**
 * The clock behind the limits that are compiled into a module (docs/design.md 4.1): whenever a guest has used up a
 * slice of fuel it calls `check`, which grants the next one or stops it. What takes time without using fuel (unwinding
 * stacks, instructions that the engine runs for long) meets no check, so the clock is read once more behind each call
 * (`call-end.ts`).
 */

/** Instead of a slice: the guest traps. */
const STOP = 0;
const NOT_STARTED = Number.NEGATIVE_INFINITY;

/** A cheap call is granted no more whole slices than that; one that takes longer was paused by a busy machine. */
const CHEAP_SLICES = 3;

/**
 * Near the deadline slices get shorter: the slowest code, which waits for memory with every instruction, takes some
 * microsecond for a unit that it runs on credit (RATIONALE.md, "Why slices get shorter").
 */
const UNITS_PER_MS_LEFT = 1000;
const SHORTEST_SLICE = 2500;

export class Deadline {
  readonly #wholeSlice: number;
  #timeoutMs = Number.POSITIVE_INFINITY;
  #graceMs = 0;
  #spentMs = 0;
  #startedAtMs = NOT_STARTED;
  #hasExpired = false;
  #elapsedMs = 0;
  #granted = 0;

  /** `fuelPerSlice`: units of fuel, as given to the rewrite; Infinity without limits. */
  constructor(fuelPerSlice: number) {
    this.#wholeSlice = fuelPerSlice;
  }

  /** True when the last armed call was told to stop. A guest cannot take that back by swallowing exceptions. */
  get hasExpired(): boolean {
    return this.#hasExpired;
  }

  /** How much of the event's time was gone when the last armed call was told to stop; 0 when it was not. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** Units of fuel granted since the deadline was armed. */
  get granted(): number {
    return this.#granted;
  }

  /** The same in whole slices. */
  get slices(): number {
    return Math.floor(this.#granted / this.#wholeSlice);
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** The time is a budget, after which the guest is called again elsewhere. */
  get isBudget(): boolean {
    return this.#graceMs > 0;
  }

  /**
   * Reads the clock: how long ago the call was armed. 0 with `graceMs`, since a budget is no promise and whoever gave it
   * compares the clock, and without limits, where no call is late.
   */
  readElapsedMs(): number {
    const isTimed = this.#graceMs === 0 && this.#wholeSlice < Number.POSITIVE_INFINITY;
    return isTimed ? performance.now() - this.#startedAtMs : 0;
  }

  /**
   * Starts a call. With `graceMs` the timeout is a budget and no promise: its time starts with the first check, which
   * most calls never reach, all slices are whole, and a call that has used few of them when the time is up is not
   * stopped before `graceMs`, since a busy machine took that time.
   *
   * `spentMs` is what the event has used of its time already, elsewhere: a timeout that is a promise counts it, a budget
   * does not.
   */
  arm(timeoutMs: number, graceMs = 0, spentMs = 0): void {
    this.#timeoutMs = timeoutMs;
    this.#graceMs = graceMs;
    this.#spentMs = spentMs;
    this.#startedAtMs = graceMs > 0 ? NOT_STARTED : performance.now() - spentMs;
    this.#hasExpired = false;
    this.#elapsedMs = 0;
    this.#granted = 0;
  }

  /** The import that the limited module calls: returns the units of another slice, or 0. */
  readonly check = (): number => {
    const leftMs = this.#leftMs();
    return leftMs > 0 ? this.#grant(leftMs) : STOP;
  };

  /** For work that the host does within a call, in steps: whether the call is to be stopped, as `check` tells the guest. */
  isOver(): boolean {
    return this.#leftMs() <= 0;
  }

  /** Up to the timeout, or to the end of the grace; 0 when the call is stopped. */
  #leftMs(): number {
    if (this.#hasExpired) return 0;
    const nowMs = performance.now();
    if (this.#startedAtMs === NOT_STARTED) this.#startedAtMs = nowMs;
    const elapsedMs = nowMs - this.#startedAtMs;
    if (elapsedMs < this.#timeoutMs) return this.#timeoutMs - elapsedMs;
    if (elapsedMs < this.#graceMs && this.#granted < CHEAP_SLICES * this.#wholeSlice) return this.#graceMs;
    this.#hasExpired = true;
    this.#elapsedMs = this.#graceMs > 0 ? elapsedMs + this.#spentMs : elapsedMs;
    return 0;
  }

  #grant(leftMs: number): number {
    const units =
      this.#graceMs > 0
        ? this.#wholeSlice
        : Math.min(this.#wholeSlice, Math.max(SHORTEST_SLICE, Math.floor(leftMs * UNITS_PER_MS_LEFT)));
    this.#granted += units;
    return units;
  }
}
