/** What happened between two looks at an agent's state. */

import type { AgentStatus, Histogram } from "./agent-status.ts";

export interface Rates {
  /** Between the two; at least a millisecond. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Of all events in between, 0 to 1; 0 without any. */
  readonly shares: Readonly<Record<"allow" | "block" | "redirect" | "failed", number>>;
  /** Events a second by their name. */
  readonly byEvent: ReadonlyMap<string, number>;
  /** Seconds; null without an event. */
  readonly duration: Quantiles | null;
  readonly guestDuration: Quantiles | null;
  /** Processors in use. */
  readonly processors: number;
  /** A second, by code. */
  readonly failures: ReadonlyMap<string, number>;
  readonly replacementsPerSecond: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

export function ratesBetween(before: AgentStatus, now: AgentStatus): Rates {
  const seconds = Math.max(0.001, now.uptime_seconds - before.uptime_seconds);
  const shares = { allow: 0, block: 0, redirect: 0, failed: 0 };
  const byEvent = new Map<string, number>();
  let events = 0;
  for (const { event, decision, decided_by, count } of now.events.answered) {
    const known = before.events.answered.find(
      (earlier) =>
        earlier.event === event && earlier.decision === decision && earlier.decided_by === decided_by,
    );
    const more = Math.max(0, count - (known?.count ?? 0));
    events += more;
    shares[decided_by === "fail_policy" ? "failed" : decision] += more;
    byEvent.set(event, (byEvent.get(event) ?? 0) + more / seconds);
  }
  for (const name of ["allow", "block", "redirect", "failed"] as const) shares[name] /= Math.max(1, events);
  return {
    seconds,
    eventsPerSecond: events / seconds,
    shares,
    byEvent,
    duration: quantilesBetween(before.events.duration, now.events.duration),
    guestDuration: quantilesBetween(before.guest.duration, now.guest.duration),
    processors: Math.max(0, now.cpu_seconds - before.cpu_seconds) / seconds,
    failures: new Map(
      Object.entries(now.guest.failures).map(([code, count]) => [
        code,
        Math.max(0, count - (before.guest.failures[code] ?? 0)) / seconds,
      ]),
    ),
    replacementsPerSecond:
      Math.max(0, sum(now.guest.replacements) - sum(before.guest.replacements)) / seconds,
  };
}

/** Since the start of the process. */
export function quantilesOf({ bounds_seconds, counts }: Histogram): Quantiles | null {
  return quantiles(bounds_seconds, counts);
}

function quantilesBetween(before: Histogram, now: Histogram): Quantiles | null {
  return quantiles(
    now.bounds_seconds,
    now.counts.map((count, i) => Math.max(0, count - (before.counts[i] ?? 0))),
  );
}

function quantiles(bounds: readonly number[], counts: readonly number[]): Quantiles | null {
  const total = counts.reduce((all, count) => all + count, 0);
  return total === 0
    ? null
    : { p50: quantile(bounds, counts, total * 0.5), p99: quantile(bounds, counts, total * 0.99) };
}

/** As if the values of a range lay evenly in it; those above all bounds count as the last bound. */
function quantile(bounds: readonly number[], counts: readonly number[], rank: number): number {
  let seen = 0;
  for (const [i, bound] of bounds.entries()) {
    const count = counts[i] ?? 0;
    if (seen + count >= rank) {
      const below = bounds[i - 1] ?? 0;
      return below + ((bound - below) * (rank - seen)) / Math.max(1, count);
    }
    seen += count;
  }
  return bounds.at(-1) ?? 0;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
