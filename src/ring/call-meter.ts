/**
 * Measures what calls of the guest cost. Two clock readings and one of the fuel are a hundredth of a cheap event, so
 * frequent calls are sampled: one in sixteen, at random, counted sixteen times. Rates, sums and quantiles are then right
 * but for chance. Rare calls are all measured.
 */

import type { EventKind } from "../event/event.ts";
import type { ModuleCounters } from "../telemetry/metrics/module-metrics.ts";

export interface MeasuredCall {
  readonly kind: EventKind;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** About one unit for each instruction; null without limits. */
  readonly fuelUnits: number | null;
}

/** Is told what a call took. */
export interface CallListener {
  onCall(call: MeasuredCall): void;
}

/** Odd, so that requests and responses that take turns are both met. */
const LONGEST_GAP = 31;
const MEAN_GAP = (1 + LONGEST_GAP) / 2;
const WINDOW_MS = 100;
/** In a window; more of them are sampled. */
const FREQUENT_CALLS = 200;

export class CallMeter implements CallListener {
  readonly counters: ModuleCounters;
  /** How many calls the next measured one stands for. */
  #weight = 1;
  #untilNext = 1;
  #windowStartedAtMs = Number.NEGATIVE_INFINITY;
  #callsInWindow = 0;
  #random = 1;

  constructor(counters: ModuleCounters) {
    this.counters = counters;
  }

  /** To be asked once before each call: true for those that `onCall` has to be told of. */
  wantsCall(): boolean {
    return --this.#untilNext <= 0;
  }

  onCall({ kind, startedAtMs, endedAtMs, fuelUnits }: MeasuredCall): void {
    this.counters.recordCall(kind, endedAtMs - startedAtMs, fuelUnits, this.#weight);
    this.#callsInWindow += this.#weight;
    this.#chooseWeight(endedAtMs);
    this.#untilNext = this.#weight === 1 ? 1 : this.#randomGap();
  }

  #chooseWeight(nowMs: number): void {
    const windowMs = nowMs - this.#windowStartedAtMs;
    const isFrequent = this.#callsInWindow > FREQUENT_CALLS * Math.max(1, windowMs / WINDOW_MS);
    if (windowMs < WINDOW_MS && (this.#weight > 1 || !isFrequent)) return;
    this.#weight = isFrequent ? MEAN_GAP : 1;
    this.#windowStartedAtMs = nowMs;
    this.#callsInWindow = 0;
  }

  /** 1 to `LONGEST_GAP`, each as likely: an xorshift generator, which is random enough to follow no pattern of events. */
  #randomGap(): number {
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    return 1 + ((random >>> 0) % LONGEST_GAP);
  }
}
