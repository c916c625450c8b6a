/**
 * The two clocks a guest may read, in whole microseconds. Microseconds and not nanoseconds: enough to time a handler,
 * and an exact number until the year 2255, so no BigInt is made.
 */

export interface ClockSources {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
}

const SYSTEM: ClockSources = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

export class GuestClock {
  readonly #sources: ClockSources;
  /** What to add to the monotonic clock for the wall's. */
  #offsetMicros = 0;

  constructor(sources: ClockSources = SYSTEM) {
    this.#sources = sources;
  }

  /** Never goes back. */
  monotonicMicros(): number {
    return Math.floor(this.#sources.monotonicMs() * 1000);
  }

  /**
   * Since the Unix epoch. The wall clock counts milliseconds only, so the monotonic clock fills in below them, held
   * inside the wall's current millisecond: this goes back only when the wall clock itself is set back, and follows a
   * machine that slept.
   */
  realtimeMicros(): number {
    const floor = this.#sources.wallMs() * 1000;
    const monotonic = this.monotonicMicros();
    const estimate = monotonic + this.#offsetMicros;
    if (estimate >= floor && estimate < floor + 1000) return estimate;
    const held = estimate < floor ? floor : floor + 999;
    this.#offsetMicros = held - monotonic;
    return held;
  }
}
