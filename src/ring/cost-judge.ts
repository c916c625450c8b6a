/**
 * Judges whether a module's guests are cheap enough to run on the socket's own thread. A hop to another thread costs
 * tens of microseconds, so most modules are faster without; one whose calls take longer than that would hold up every
 * other connection.
 */

const HEAVY_MS = 0.3;
const LIGHT_MS = 0.15;
/** How long one overrun keeps a module heavy. */
const OVERRUN_MEMORY_MS = 2000;
const SMOOTHING = 1 / 16;
/** A clock reading is not free: one inline call in so many is measured. */
const SAMPLE_EVERY = 16;

export class CostJudge {
  #averageMs = 0;
  #isSlow = false;
  #overranAtMs = Number.NEGATIVE_INFINITY;
  #untilSample = 1;

  /** True for the calls that should be measured. */
  wantsSample(): boolean {
    if (--this.#untilSample > 0) return false;
    this.#untilSample = SAMPLE_EVERY;
    return true;
  }

  recordCost(guestMs: number): void {
    this.#averageMs += (guestMs - this.#averageMs) * SMOOTHING;
    if (this.#averageMs > HEAVY_MS) this.#isSlow = true;
    else if (this.#averageMs < LIGHT_MS) this.#isSlow = false;
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
