/** What guests count by themselves, whatever they call it and however much of it there is. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { writeGuestMetrics } from "../../../src/agent/guest-metrics.ts";
import { HISTOGRAM_BOUNDS, METRIC_KINDS, type MetricReading } from "../../../src/host/metric-store.ts";
import { MetricsPage } from "../../../src/telemetry/metrics/metrics-page.ts";
import { OPEN_METRICS, TEXT_FORMAT } from "../../../src/telemetry/metrics/text-format.ts";

function reading(kind: MetricReading["kind"], name: string, value = 1n): MetricReading {
  if (kind !== "histogram") return { kind, name, value };
  const buckets = [...HISTOGRAM_BOUNDS, 0n].map(() => value);
  return { kind, name, count: value, sum: value, buckets };
}

function page(...readings: readonly MetricReading[]): MetricsPage {
  const written = new MetricsPage();
  writeGuestMetrics(written, "m", readings);
  return written;
}

function lines(...readings: readonly MetricReading[]): string[] {
  return TEXT_FORMAT.write(page(...readings))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

const dropped = (count: number) => `wasm_agent_guest_metrics_dropped{module="m"} ${count}`;

test("a counter ends in _total, a gauge is what it is", () => {
  expect(
    lines(
      reading("counter", "hits", 3n),
      reading("counter", "bytes_total", 4n),
      reading("gauge", "depth", 5n),
    ),
  ).toEqual([
    dropped(0),
    'wasm_guest_hits_total{module="m"} 3',
    'wasm_guest_bytes_total{module="m"} 4',
    'wasm_guest_depth{module="m"} 5',
  ]);
});

test("a histogram has the bounds of the store", () => {
  const shown = lines(reading("histogram", "ms"));
  expect(shown).toHaveLength(HISTOGRAM_BOUNDS.length + 4);
  expect(shown).toContain('wasm_guest_ms_bucket{module="m",le="3600000.0"} 18');
  expect(shown).toContain('wasm_guest_ms_bucket{module="m",le="+Inf"} 19');
});

describe("left out and counted is", () => {
  test.each([
    ["counter a.b", "counter a-b"],
    ["counter a", "gauge a"],
    ["histogram a", "gauge a_count"],
    ["gauge a_bucket", "histogram a"],
    ["counter a", "counter a_total"],
  ])("what would have the name of another one: %s, then %s", (first, second) => {
    const readings = [first, second].map((text) => {
      const [kind, name = ""] = text.split(" ") as [MetricReading["kind"], string];
      return reading(kind, name);
    });
    expect(lines(...readings)[0]).toBe(dropped(1));
    expect(lines(...readings).slice(1)).toEqual(lines(readings[0]!).slice(1));
  });

  test("what exceeds a hundred series", () => {
    const many = Array.from({ length: 150 }, (_, i) => reading("gauge", `g${i}`));
    expect(lines(...many)).toHaveLength(101);
    expect(lines(...many)[0]).toBe(dropped(50));
    // A histogram that does not fit any more leaves room for what does.
    const histograms = Array.from({ length: 5 }, (_, i) => reading("histogram", `h${i}`));
    expect(lines(...histograms, reading("gauge", "g"))[0]).toBe(dropped(1));
  });
});

test("whatever the names are, every line can be read and no name means two things", () => {
  const some = fc.record({
    kind: fc.constantFrom(...METRIC_KINDS),
    name: fc.oneof(
      fc.constantFrom("a", "a_total", "a_sum", "a.b", ""),
      fc.string({ maxLength: 300, unit: "grapheme" }),
    ),
  });
  fc.assert(
    fc.property(fc.array(some, { maxLength: 20 }), (readings) => {
      const written = page(...readings.map(({ kind, name }) => reading(kind, name)));
      for (const format of [TEXT_FORMAT, OPEN_METRICS]) {
        const text = format.write(written).split("\n");
        const families = text.filter((line) => line.startsWith("# TYPE"));
        expect(new Set(families.map((line) => line.split(" ")[2])).size).toBe(families.length);
        const series = text.filter((line) => line !== "" && !line.startsWith("#"));
        expect(new Set(series.map((line) => line.split(" ")[0])).size).toBe(series.length);
        for (const line of series) expect(line).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*\{[^{}]*\} \S+$/);
      }
    }),
  );
});
