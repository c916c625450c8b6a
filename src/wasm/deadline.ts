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
/** A cheap call ends within these; one that takes longer in them was paused by a busy machine. */
const CHEAP_SLICES = 4;

export class Deadline {
  #timeoutMs = Number.POSITIVE_INFINITY;
  #graceMs = 0;
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
   * Starts a call. One that has used few slices when its time is up is not stopped before `graceMs`: a busy machine
   * took that time, not the guest.
   */
  arm(timeoutMs: number, graceMs = 0): void {
    this.#timeoutMs = timeoutMs;
    this.#graceMs = graceMs;
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
    const elapsedMs = nowMs - this.#startedAtMs;
    if (elapsedMs < this.#timeoutMs) return GRANT;
    if (elapsedMs < this.#graceMs && this.#slices < CHEAP_SLICES) return GRANT;
    this.#hasExpired = true;
    return TRAP;
  };
}
