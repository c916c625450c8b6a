/**
 * The fuel of one instance, as the host sees it (docs/design.md 4.1).
 */

import type { Deadline } from "./deadline.ts";

/** Takes units of fuel, or gives them up to a whole slice when negative, and returns what is left of the slice. */
export type TakeFuel = (units: number) => number;

export class GuestFuel {
  readonly #take: TakeFuel | null;
  readonly #wholeSlice: number;
  readonly #deadline: Deadline;

  /** `take`: null without limits. */
  constructor(take: TakeFuel | null, wholeSlice: number, deadline: Deadline) {
    this.#take = take;
    this.#wholeSlice = wholeSlice;
    this.#deadline = deadline;
  }

  /**
   * At the start of a call: it gets a whole slice. So cheap calls never come to the end of one, where the clock is looked
   * at: seldom done, that takes a microsecond and more, by all that is not in the processor's caches then.
   */
  fill(): void {
    if (this.#take !== null) this.#take(-this.#wholeSlice);
  }

  /** Units that were used since `fill`, to a unit or two when the guest was stopped; null without limits. */
  get used(): number | null {
    return this.#take === null ? null : this.#wholeSlice + this.#deadline.granted - this.#take(0);
  }
}
