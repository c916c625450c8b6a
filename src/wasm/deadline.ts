/**
 * The clock behind the limits that are compiled into a module (design.md 4.2): whenever a guest has used up a slice of
 * fuel it calls `check`, and traps unless that answers 0.
 *
 * Arming costs no clock reading, since most calls end within their first slice: the time starts with the first check,
 * so a deadline is late by at most one slice.
 */

const GRANT = 0;
const TRAP = 1;
const NOT_STARTED = -1;

export class Deadline {
  #timeoutMs = Number.POSITIVE_INFINITY;
  #leastSlices = 0;
  #startedAtMs = NOT_STARTED;
  #hasExpired = false;
  #slices = 0;

  /** True when the last armed call was told to stop. A guest cannot take that back by swallowing exceptions. */
  get hasExpired(): boolean {
    return this.#hasExpired;
  }

  /** Slices of fuel used up since the deadline was armed. */
  get slices(): number {
    return this.#slices;
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /**
   * Starts a call. One that has used fewer than `leastSlices` is not stopped: when its time is up nevertheless, a busy
   * machine took that time, not the guest.
   */
  arm(timeoutMs: number, leastSlices = 0): void {
    this.#timeoutMs = timeoutMs;
    this.#leastSlices = leastSlices;
    this.#startedAtMs = NOT_STARTED;
    this.#hasExpired = false;
    this.#slices = 0;
  }

  /** The import that the limited module calls: 0 grants another slice of fuel. */
  readonly check = (): number => {
    this.#slices++;
    if (this.#hasExpired) return TRAP;
    const nowMs = performance.now();
    if (this.#startedAtMs === NOT_STARTED) this.#startedAtMs = nowMs;
    if (nowMs - this.#startedAtMs < this.#timeoutMs || this.#slices < this.#leastSlices) return GRANT;
    this.#hasExpired = true;
    return TRAP;
  };
}
