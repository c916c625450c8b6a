/**
 * Judges whether a module's guests are cheap enough to run on the socket's own thread. A hop to another thread costs
 * tens of microseconds, so most modules are faster without; one whose calls take longer than that would hold up every
 * other connection.
 *
 * Cost is counted in fuel, not in time: cold code, or a machine that is busy with something else, makes any call slow,
 * and moving a cheap module to threads would only make that worse.
 */

/**
 * Some 0.8 ms of tight loops, 0.3 ms of Go, 0.1 ms of the other languages: the more branches code has, the more units
 * it uses up in the same time. Policies that decide within microseconds stay far below either way.
 */
export const HEAVY_FUEL_UNITS = 2_400_000;
const LIGHT_FUEL_UNITS = 1_200_000;
/** How long one overrun keeps a module heavy. */
const OVERRUN_MEMORY_MS = 2000;
const SMOOTHING = 1 / 16;
/** One expensive call says little about a module: it must not count for more than a heavy one. */
const MAX_COUNTED_UNITS = 2 * HEAVY_FUEL_UNITS;
/** A reading is not free: one inline call in so many is measured. */
const SAMPLE_EVERY = 16;

export class CostJudge {
  #averageUnits = 0;
  #isSlow = false;
  #overranAtMs = Number.NEGATIVE_INFINITY;
  #untilSample = 1;

  /** True for the calls that should be measured. */
  wantsSample(): boolean {
    if (--this.#untilSample > 0) return false;
    this.#untilSample = SAMPLE_EVERY;
    return true;
  }

  recordCost(fuelUnits: number): void {
    this.#averageUnits += (Math.min(fuelUnits, MAX_COUNTED_UNITS) - this.#averageUnits) * SMOOTHING;
    if (this.#averageUnits > HEAVY_FUEL_UNITS) this.#isSlow = true;
    else if (this.#averageUnits < LIGHT_FUEL_UNITS) this.#isSlow = false;
  }

  /** A call had to be stopped because it held the socket's thread for too long. */
  recordOverrun(nowMs: number): void {
    this.#overranAtMs = nowMs;
  }

  /** On average, calls take longer than a hop to another thread. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  isHeavy(nowMs: number): boolean {
    return this.#isSlow || nowMs - this.#overranAtMs < OVERRUN_MEMORY_MS;
  }
}
