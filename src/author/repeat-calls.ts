/**
 * Asks a guest the same many times and tells what a call costs: its time, its fuel, and how much memory stays behind.
 */

import type { GuestEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { BenchGuest } from "./bench-guest.ts";
import { showDecision } from "./compare-outcomes.ts";
import { writeOutcome } from "./outcome-json.ts";

export interface RepeatReport {
  /** Fewer than asked for when a call failed. */
  readonly calls: number;
  readonly us: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Null without limits. */
  readonly fuel: { readonly p50: number; readonly max: number } | null;
  readonly memoryBytes: number;
  /**
   * Memory grows in pages and a guest settles in its first calls, so this is taken over the second half of the calls
   * alone. Zero for a guest that gives back what it takes.
   */
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

/** Stops at the first failure: what a broken instance costs says nothing about the next one. */
export function repeatCalls(guest: BenchGuest, event: GuestEvent, options: RepeatOptions): RepeatReport {
  const { onProgress = () => {}, maxMs = Number.POSITIVE_INFINITY } = options;
  const times: number[] = [];
  const fuels: number[] = [];
  const memory: number[] = [];
  const decisions = new Map<string, number>();
  const startedAtMs = performance.now();
  let failure: EventFailure | null = null;
  let toldAtMs = startedAtMs;
  while (times.length < options.calls && failure === null) {
    const { outcome, us, fuel, memoryBytes } = guest.ask(event);
    guest.takeLines();
    times.push(us);
    memory.push(memoryBytes);
    if (fuel !== null) fuels.push(fuel);
    const words = showDecision(writeOutcome(outcome));
    decisions.set(words, (decisions.get(words) ?? 0) + 1);
    if (outcome instanceof EventFailure) failure = outcome;
    const nowMs = performance.now();
    if (nowMs - startedAtMs > maxMs) break;
    if (nowMs - toldAtMs < PROGRESS_MS) continue;
    toldAtMs = nowMs;
    onProgress(times.length);
  }
  return {
    calls: times.length,
    us: { p50: percentile(times, 0.5), p99: percentile(times, 0.99), max: percentile(times, 1) },
    fuel: fuels.length === 0 ? null : { p50: percentile(fuels, 0.5), max: percentile(fuels, 1) },
    memoryBytes: memory.at(-1) ?? guest.memoryBytes,
    growthBytesPerCall: growthPerCall(memory),
    decisions,
    failure,
  };
}

function growthPerCall(memory: readonly number[]): number {
  const middle = Math.floor(memory.length / 2);
  const calls = memory.length - 1 - middle;
  return calls <= 0 ? 0 : (memory.at(-1)! - memory[middle]!) / calls;
}

/** The smallest value that at least this part of all values does not exceed. */
function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}
