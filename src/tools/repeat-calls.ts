/**
 * Calls a guest with the same event many times and tells what a call costs: its time, its fuel, and how much memory stays
 * behind.
 */

import type { ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { BenchGuest } from "./bench-guest.ts";
import { showDecision } from "./compare-outcomes.ts";
import { CountedValues } from "./counted-values.ts";
import { MemoryGrowth } from "./memory-growth.ts";
import { writeOutcome } from "../telemetry/recording/outcome-json.ts";

export interface RepeatReport {
  /** Fewer than asked for when a call failed. */
  readonly calls: number;
  /** To three digits. */
  readonly us: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Null without limits. */
  readonly fuel: { readonly p50: number; readonly max: number } | null;
  readonly memoryBytes: number;
  /** Over the second half of the calls. Zero for a guest that gives back what it takes. */
  readonly growthBytesPerCall: number;
  /** How often each decision was given, by its words; one entry for a guest that always says the same. */
  readonly decisions: ReadonlyMap<string, number>;
  /** The failure that ended the calls. */
  readonly failure: EventFailure | null;
}

/** How often progress is told. */
const PROGRESS_MS = 50;

export interface RepeatOptions {
  /** At least 1. */
  readonly calls: number;
  /** Ends early when this time is over; null for all calls, however long they take. */
  readonly maxMs?: number;
  readonly onProgress?: (calls: number) => void;
}

/**
 * Stops at the first failure: what a broken instance costs says nothing about the next one.
 *
 * @param exchange events that are repeated together; the last one is measured
 */
export async function repeatCalls(
  guest: BenchGuest,
  exchange: readonly ProxyEvent[],
  options: RepeatOptions,
): Promise<RepeatReport> {
  const { onProgress = () => {}, maxMs = Number.POSITIVE_INFINITY } = options;
  const before = exchange.slice(0, -1);
  const measured = exchange.at(-1)!;
  const times = new CountedValues();
  const fuels = new CountedValues();
  const growth = new MemoryGrowth();
  const decisions = new Map<string, number>();
  const startedAtMs = performance.now();
  let failure: EventFailure | null = null;
  let toldAtMs = startedAtMs;
  while (times.total < options.calls && failure === null) {
    for (const event of before) await guest.call(event);
    const { outcome, us, fuel, memoryBytes } = await guest.call(measured);
    guest.takeLines();
    times.add(threeDigits(us));
    growth.record(memoryBytes);
    if (fuel !== null) fuels.add(fuel);
    const words = showDecision(writeOutcome(outcome));
    decisions.set(words, (decisions.get(words) ?? 0) + 1);
    if (outcome instanceof EventFailure) failure = outcome;
    const nowMs = performance.now();
    if (nowMs - startedAtMs > maxMs) break;
    if (nowMs - toldAtMs < PROGRESS_MS) continue;
    toldAtMs = nowMs;
    onProgress(times.total);
  }
  const [p50, p99, max] = times.percentiles([0.5, 0.99, 1]);
  const [fuelP50, fuelMax] = fuels.percentiles([0.5, 1]);
  return {
    calls: times.total,
    us: { p50, p99, max },
    fuel: fuels.total === 0 ? null : { p50: fuelP50, max: fuelMax },
    memoryBytes: growth.lastBytes ?? guest.memoryBytes,
    growthBytesPerCall: growth.bytesPerCall(),
    decisions,
    failure,
  };
}

/** No clock of ours is better than that, and there are few enough such numbers to count each. */
function threeDigits(us: number): number {
  return Number(us.toPrecision(3));
}
