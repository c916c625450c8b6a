/**
 * Everything that one scrape shows: each metric with the values of its series. Collected anew for each scrape, written by
 * text-format.ts.
 */

import { METRICS } from "./catalogue.ts";
import type { Histogram } from "./histogram.ts";
import type { Metric } from "./metric.ts";
import { DURATION_BOUNDS_MS } from "./histogram.ts";

export interface HistogramValue {
  readonly bounds: readonly number[];
  /** Of each range alone, with those above all bounds as the last. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export interface Series {
  /** In the order of the metric's labels. */
  readonly labelValues: readonly string[];
  readonly value: number | HistogramValue;
}

export interface MetricWithSeries {
  readonly metric: Metric;
  readonly series: readonly Series[];
}

const MS_PER_SECOND = 1000;
const DURATION_BOUNDS_SECONDS: readonly number[] = DURATION_BOUNDS_MS.map((ms) => ms / MS_PER_SECOND);

export class MetricsPage {
  readonly #metrics = new Map<string, { readonly metric: Metric; readonly series: Series[] }>();

  /** Those of the catalogue come first and in its order. */
  constructor() {
    for (const metric of Object.values(METRICS)) this.#metrics.set(metric.name, { metric, series: [] });
  }

  add(metric: Metric, labelValues: readonly string[], value: number): void {
    this.#seriesOf(metric).push({ labelValues, value });
  }

  addHistogram(metric: Metric, labelValues: readonly string[], value: HistogramValue): void {
    this.#seriesOf(metric).push({ labelValues, value });
  }

  /** Those that have a series. */
  get metrics(): readonly MetricWithSeries[] {
    return [...this.#metrics.values()].filter(({ series }) => series.length > 0);
  }

  #seriesOf(metric: Metric): Series[] {
    const known = this.#metrics.get(metric.name);
    if (known !== undefined) return known.series;
    const series: Series[] = [];
    this.#metrics.set(metric.name, { metric, series });
    return series;
  }
}

/** Of several histograms of `DURATION_BOUNDS_MS`. */
export function sumInSeconds(histograms: readonly Histogram[]): HistogramValue {
  const counts = new Float64Array(DURATION_BOUNDS_MS.length + 1);
  let sumMs = 0;
  for (const histogram of histograms) {
    histogram.counts.forEach((count, range) => {
      counts[range]! += count;
    });
    sumMs += histogram.sum;
  }
  return { bounds: DURATION_BOUNDS_SECONDS, counts, sum: sumMs / MS_PER_SECOND };
}

/** Of a histogram of `DURATION_BOUNDS_MS`. */
export function inSeconds(histogram: Histogram): HistogramValue {
  return {
    bounds: DURATION_BOUNDS_SECONDS,
    counts: histogram.counts,
    sum: histogram.sum / MS_PER_SECOND,
  };
}
