/**
 * The clock behind the limits that are compiled into a module (docs/design.md 4.1): whenever a guest has used up a
 * slice of fuel it calls `check`, which grants the next one or stops it. What takes time without using fuel (unwinding
 * stacks, instructions that the engine runs for long) meets no check, so the clock is read once more behind each call
 * (`call-end.ts`).
 */

/** Instead of a slice: the guest traps. */
const STOP = 0;
const NOT_STARTED = -1;

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
  #startedAtMs = NOT_STARTED;
  #hasExpired = false;
  #granted = 0;

  /** `fuelPerSlice`: units of fuel, as given to the rewrite; Infinity without limits. */
  constructor(fuelPerSlice: number) {
    this.#wholeSlice = fuelPerSlice;
  }

  /** True when the last armed call was told to stop. A guest cannot take that back by swallowing exceptions. */
  get hasExpired(): boolean {
    return this.#hasExpired;
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
   */
  arm(timeoutMs: number, graceMs = 0): void {
    this.#timeoutMs = timeoutMs;
    this.#graceMs = graceMs;
    this.#startedAtMs = graceMs > 0 ? NOT_STARTED : performance.now();
    this.#hasExpired = false;
    this.#granted = 0;
  }

  /** The import that the limited module calls: returns the units of another slice, or 0. */
  readonly check = (): number => {
    if (this.#hasExpired) return STOP;
    const nowMs = performance.now();
    if (this.#startedAtMs === NOT_STARTED) this.#startedAtMs = nowMs;
    const elapsedMs = nowMs - this.#startedAtMs;
    if (elapsedMs < this.#timeoutMs) return this.#grant(this.#timeoutMs - elapsedMs);
    if (elapsedMs < this.#graceMs && this.#granted < CHEAP_SLICES * this.#wholeSlice)
      return this.#grant(this.#graceMs);
    this.#hasExpired = true;
    return STOP;
  };

  #grant(leftMs: number): number {
    const units =
      this.#graceMs > 0
        ? this.#wholeSlice
        : Math.min(this.#wholeSlice, Math.max(SHORTEST_SLICE, Math.floor(leftMs * UNITS_PER_MS_LEFT)));
    this.#granted += units;
    return units;
  }
}
