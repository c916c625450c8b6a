/**
 * Metrics that a guest defines, as scrapers see them: `wasm_guest_<name>`. Names and their number are the guest's choice, so
 * names are reduced to what a metric may be called, those that then say the same as another are left out, and so is what
 * exceeds a bound.
 */

import { HISTOGRAM_BOUNDS, type MetricReading } from "../host/metric-store.ts";
import { METRICS } from "../telemetry/metrics/catalogue.ts";
import type { Metric } from "../telemetry/metrics/metric.ts";
import type { MetricsPage } from "../telemetry/metrics/metrics-page.ts";

const PREFIX = "wasm_guest_";
const MAX_NAME_UNITS = 200;
/** Of one module; a histogram has one for each bucket, and two. */
const MAX_SERIES = 100;
const BOUNDS: readonly number[] = HISTOGRAM_BOUNDS.map(Number);

export function writeGuestMetrics(
  page: MetricsPage,
  module: string,
  readings: readonly MetricReading[],
): void {
  const taken = new Set<string>();
  let series = 0;
  let dropped = 0;
  for (const reading of readings) {
    const metric = metricOf(reading);
    const names = seriesNames(metric);
    const cost = reading.kind === "histogram" ? BOUNDS.length + 3 : 1;
    if (series + cost > MAX_SERIES || names.some((name) => taken.has(name))) {
      dropped++;
      continue;
    }
    for (const name of names) taken.add(name);
    series += cost;
    if (reading.kind !== "histogram") page.add(metric, [module], Number(reading.value));
    else {
      const counts = reading.buckets.map(Number);
      page.addHistogram(metric, [module], { bounds: BOUNDS, counts, sum: Number(reading.sum) });
    }
  }
  page.add(METRICS.guestMetricsDropped, [module], dropped);
}

function metricOf({ kind, name }: MetricReading): Metric {
  const base = `${PREFIX}${name.slice(0, MAX_NAME_UNITS).replaceAll(/[^a-zA-Z0-9_]/g, "_")}`;
  const isUnmarked = kind === "counter" && !base.endsWith("_total");
  return {
    name: isUnmarked ? `${base}_total` : base,
    type: kind,
    help: `A ${kind} that the module defines.`,
    labels: ["module"],
  };
}

/** All names that it takes, in either format: no other metric may have one of them. */
function seriesNames({ name, type }: Metric): readonly string[] {
  switch (type) {
    case "counter":
      return [name, name.slice(0, -"_total".length)];
    case "histogram":
      return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
    case "gauge":
      return [name];
  }
}
