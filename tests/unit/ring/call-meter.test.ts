/** Which calls are measured, and that the rest is estimated without a bias. */

import { describe, expect, test } from "bun:test";
import { CallMeter } from "../../../src/ring/call-meter.ts";
import { MetricsPage } from "../../../src/telemetry/metrics/metrics-page.ts";
import { ModuleCounters } from "../../../src/telemetry/metrics/module-metrics.ts";
import { METRICS } from "../../../src/telemetry/metrics/catalogue.ts";
import type { EventKind } from "../../../src/event/event.ts";
import { EVENT_LABELS, kindIndex } from "../../../src/telemetry/metrics/event-label.ts";

/** Calls one after the other, each of `callMs`, with `gapMs` in between. */
class Calls {
  readonly counters = new ModuleCounters();
  readonly #meter = new CallMeter(this.counters);
  measured = 0;
  nowMs = 0;

  make(
    count: number,
    gapMs: number,
    callMs: (call: number) => number,
    kind: (call: number) => EventKind,
  ): void {
    for (let call = 0; call < count; call++) {
      const startedAtMs = this.nowMs;
      this.nowMs += callMs(call);
      if (this.#meter.wantsCall()) {
        this.measured++;
        this.#meter.onCall({ kind: kind(call), startedAtMs, endedAtMs: this.nowMs, fuelUnits: 1000 });
      }
      this.nowMs += gapMs;
    }
  }

  /** What the histogram says: how many calls there were, and their time in seconds. */
  said(kind: EventKind): { readonly count: number; readonly sum: number } {
    const page = new MetricsPage();
    this.counters.writeTo(page, "m");
    const metric = page.metrics.find((one) => one.metric === METRICS.guestDuration);
    const series = metric?.series.find(({ labelValues }) => labelValues[1] === EVENT_LABELS[kindIndex(kind)]);
    if (series === undefined || typeof series.value === "number") throw new Error("no such series");
    return { count: Array.from(series.value.counts).reduce((a, b) => a + b, 0), sum: series.value.sum };
  }
}

const always = (): EventKind => "request-headers";

test("rare calls are all measured", () => {
  const calls = new Calls();
  calls.make(1000, 1, () => 0.01, always);
  expect(calls.measured).toBe(1000);
  expect(calls.said("request-headers").count).toBe(1000);
});

describe("frequent calls", () => {
  test("are sampled, about one in sixteen", () => {
    const calls = new Calls();
    calls.make(160_000, 0.005, () => 0.002, always);
    expect(calls.measured).toBeGreaterThan(9_000);
    expect(calls.measured).toBeLessThan(12_000);
  });

  test("are counted and summed as if all were measured, but for chance", () => {
    const calls = new Calls();
    calls.make(400_000, 0.005, (call) => (call % 10 === 0 ? 0.02 : 0.002), always);
    const { count, sum } = calls.said("request-headers");
    expect(count / 400_000).toBeCloseTo(1, 1);
    expect(sum / ((40_000 * 0.02 + 360_000 * 0.002) / 1000)).toBeCloseTo(1, 1);
  });

  test("that take turns are met alike", () => {
    const calls = new Calls();
    calls.make(
      200_000,
      0.005,
      () => 0.002,
      (call) => (call % 2 === 0 ? "request-headers" : "response-headers"),
    );
    expect(calls.said("request-headers").count / 100_000).toBeCloseTo(1, 1);
    expect(calls.said("response-headers").count / 100_000).toBeCloseTo(1, 1);
  });

  test("that become rare are all measured again", () => {
    const calls = new Calls();
    calls.make(10_000, 0.005, () => 0.002, always);
    // The gap that was begun is seen to its end.
    calls.make(100, 10, () => 0.002, always);
    const before = calls.measured;
    calls.make(100, 10, () => 0.002, always);
    expect(calls.measured - before).toBe(100);
  });
});
