/** How many events of each kind got which answer, from whom, and how long that took. Cheap enough for every event. */

import type { EventKind } from "../../event/event.ts";
import type { Verdict } from "../../event/verdict.ts";
import { METRICS } from "./catalogue.ts";
import type { CellBlock } from "./cell-block.ts";
import { EVENT_LABELS, kindIndex } from "./event-label.ts";
import { DURATION_BOUNDS_MS, durationHistogram, type Histogram, histogramCells } from "./histogram.ts";
import { type HistogramValue, inSeconds, type MetricsPage, sumInSeconds } from "./metrics-page.ts";

const DECISIONS = ["allow", "block", "redirect"] as const;

/** Who decided; `none`: the guest does not handle this kind of event. `agent`: a rule of the agent's own. */
export const Decider = { guest: 0, failPolicy: 1, none: 2, agent: 3 } as const;
export type Decider = (typeof Decider)[keyof typeof Decider];

const DECIDER_LABELS = ["guest", "fail_policy", "none", "agent"] as const;
const OUTCOMES = DECISIONS.length * DECIDER_LABELS.length;

export interface EventTotals {
  readonly requests: number;
  readonly responses: number;
  /** Bodies, frames and whatever else is no headers event. */
  readonly others: number;
  /** Answers other than allow, those of the failure policy included. */
  readonly refused: number;
  /** Events that the failure policy decided. */
  readonly failures: number;
}

export interface EventOutcome {
  readonly event: string;
  readonly decision: (typeof DECISIONS)[number];
  readonly decidedBy: (typeof DECIDER_LABELS)[number];
  readonly count: number;
}

export class EventMetrics {
  static readonly CELLS =
    EVENT_LABELS.length * OUTCOMES + 1 + EVENT_LABELS.length * histogramCells(DURATION_BOUNDS_MS);

  readonly #events: Float64Array;
  readonly #cancelled: Float64Array;
  readonly #durations: readonly Histogram[];
  #lastCell = 0;

  constructor(block: CellBlock) {
    this.#events = block.take(EVENT_LABELS.length * OUTCOMES, "events");
    this.#cancelled = block.take(1, "events_cancelled");
    this.#durations = EVENT_LABELS.map((label) => durationHistogram(block, `event_duration ${label}`));
  }

  count(kind: EventKind, verdict: Verdict, decider: Decider): void {
    const cell = kindIndex(kind) * OUTCOMES + decisionOf(verdict) * DECIDER_LABELS.length + decider;
    this.#lastCell = cell;
    this.#events[cell]!++;
  }

  /** The event that was counted last got this verdict of the failure policy in place of the one that it was counted with. */
  recountLast(kind: EventKind, verdict: Verdict): void {
    this.#events[this.#lastCell]!--;
    this.count(kind, verdict, Decider.failPolicy);
  }

  countCancelled(): void {
    this.#cancelled[0]!++;
  }

  observeDuration(kind: EventKind, ms: number): void {
    this.#durations[kindIndex(kind)]!.observe(ms);
  }

  get cancelled(): number {
    return this.#cancelled[0]!;
  }

  /** Those that there were. */
  outcomes(): EventOutcome[] {
    const outcomes: EventOutcome[] = [];
    this.#events.forEach((count, cell) => {
      if (count === 0) return;
      const outcome = cell % OUTCOMES;
      outcomes.push({
        event: EVENT_LABELS[Math.floor(cell / OUTCOMES)]!,
        decision: DECISIONS[Math.floor(outcome / DECIDER_LABELS.length)]!,
        decidedBy: DECIDER_LABELS[outcome % DECIDER_LABELS.length]!,
        count,
      });
    });
    return outcomes;
  }

  /** Of all kinds together. */
  duration(): HistogramValue {
    return sumInSeconds(this.#durations);
  }

  get totals(): EventTotals {
    const byKind = EVENT_LABELS.map((_, kind) => {
      const start = kind * OUTCOMES;
      return this.#events.subarray(start, start + OUTCOMES).reduce((sum, count) => sum + count, 0);
    });
    const { all, allowed, failures } = this.#sums();
    const requests = byKind[kindIndex("request-headers")]!;
    const responses = byKind[kindIndex("response-headers")]!;
    return { requests, responses, others: all - requests - responses, refused: all - allowed, failures };
  }

  writeTo(page: MetricsPage): void {
    EVENT_LABELS.forEach((event, kind) => {
      DECISIONS.forEach((decision, d) => {
        DECIDER_LABELS.forEach((decider, by) => {
          const cell = kind * OUTCOMES + d * DECIDER_LABELS.length + by;
          page.add(METRICS.events, [event, decision, decider], this.#events[cell]!);
        });
      });
      page.addHistogram(METRICS.eventDuration, [event], inSeconds(this.#durations[kind]!));
    });
    page.add(METRICS.eventsCancelled, [], this.#cancelled[0]!);
  }

  #sums(): { readonly all: number; readonly allowed: number; readonly failures: number } {
    let all = 0;
    let allowed = 0;
    let failures = 0;
    this.#events.forEach((count, cell) => {
      const outcome = cell % OUTCOMES;
      all += count;
      if (outcome < DECIDER_LABELS.length) allowed += count;
      if (outcome % DECIDER_LABELS.length === Decider.failPolicy) failures += count;
    });
    return { all, allowed, failures };
  }
}

/** A frame's own decision is what becomes of it, whatever the other one says. */
function decisionOf({ decision, frame }: Verdict): number {
  if (decision.kind === "allow") return frame === undefined || frame.kind === "allow" ? 0 : 1;
  return decision.kind === "block" ? 1 : 2;
}
