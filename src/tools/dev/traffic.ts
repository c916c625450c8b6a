/** How many events of each second got which decision, and how long they took: what the charts and the status line show. */

import type { TrafficSecond } from "./page-messages.ts";

export type TrafficKind = "allow" | "block" | "redirect" | "failed";

const KEPT_SECONDS = 120;
/** Latencies kept of one second; with more traffic, each has the same chance to be among them. */
const SAMPLES = 1024;

class Second {
  readonly second: number;
  readonly counts: Record<TrafficKind, number> = { allow: 0, block: 0, redirect: 0, failed: 0 };
  readonly #samplesUs: number[] = [];
  #total = 0;

  constructor(second: number) {
    this.second = second;
  }

  add(kind: TrafficKind, us: number): void {
    this.counts[kind]++;
    this.#total++;
    if (this.#samplesUs.length < SAMPLES) {
      this.#samplesUs.push(us);
      return;
    }
    const place = Math.floor(Math.random() * this.#total);
    if (place < SAMPLES) this.#samplesUs[place] = us;
  }

  summary(): TrafficSecond {
    const sorted = this.#samplesUs.toSorted((a, b) => a - b);
    return {
      second: this.second,
      ...this.counts,
      p50Us: quantile(sorted, 0.5),
      p99Us: quantile(sorted, 0.99),
    };
  }
}

export class Traffic {
  readonly #nowMs: () => number;
  #seconds: Second[] = [];
  readonly totals: Record<TrafficKind, number> = { allow: 0, block: 0, redirect: 0, failed: 0 };

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  add(kind: TrafficKind, us: number): void {
    this.totals[kind]++;
    this.#current().add(kind, us);
  }

  /** Seconds with traffic from `sinceSecond` on, oldest first; at most two minutes of them. */
  since(sinceSecond: number): TrafficSecond[] {
    return this.#seconds.filter(({ second }) => second >= sinceSecond).map((second) => second.summary());
  }

  #current(): Second {
    const now = Math.floor(this.#nowMs() / 1000);
    const last = this.#seconds.at(-1);
    if (last?.second === now) return last;
    const fresh = new Second(now);
    this.#seconds = [...this.#seconds.filter(({ second }) => second > now - KEPT_SECONDS), fresh];
    return fresh;
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
