/**
 * Metrics as scrapers read them: the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/).
 */

import type { HistogramValue, MetricsPage, MetricWithSeries, Series } from "./metrics-page.ts";
import type { Metric } from "./metric.ts";

export interface MetricsFormat {
  readonly contentType: string;
  write(page: MetricsPage): string;
}

export const TEXT_FORMAT: MetricsFormat = {
  contentType: "text/plain; version=0.0.4; charset=utf-8",
  write: ({ metrics }) => metrics.map((one) => writeMetric(one, one.metric.name)).join(""),
};

export const OPEN_METRICS: MetricsFormat = {
  contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  write: ({ metrics }) => `${metrics.map((one) => writeMetric(one, familyName(one.metric))).join("")}# EOF\n`,
};

const COUNTER_SUFFIX = "_total";

/** There, a counter's name is without the suffix of its series. */
function familyName({ name, type }: Metric): string {
  return type === "counter" && name.endsWith(COUNTER_SUFFIX) ? name.slice(0, -COUNTER_SUFFIX.length) : name;
}

function writeMetric({ metric, series }: MetricWithSeries, family: string): string {
  let text = `# HELP ${family} ${escapeHelp(metric.help)}\n# TYPE ${family} ${metric.type}\n`;
  for (const one of series) text += writeSeries(metric, one);
  return text;
}

function writeSeries({ name, labels }: Metric, { labelValues, value }: Series): string {
  const pairs = labels.map((label, i) => `${label}="${escapeLabel(labelValues[i] ?? "")}"`).join(",");
  if (typeof value !== "number") return writeHistogram(name, pairs, value);
  return `${name}${pairs === "" ? "" : `{${pairs}}`} ${showValue(value)}\n`;
}

function writeHistogram(name: string, pairs: string, { bounds, counts, sum }: HistogramValue): string {
  const before = pairs === "" ? "" : `${pairs},`;
  const around = pairs === "" ? "" : `{${pairs}}`;
  let text = "";
  let upTo = 0;
  for (let i = 0; i < bounds.length; i++) {
    upTo += counts[i]!;
    text += `${name}_bucket{${before}le="${showBound(bounds[i]!)}"} ${upTo}\n`;
  }
  upTo += counts[bounds.length]!;
  return `${text}${name}_bucket{${before}le="+Inf"} ${upTo}\n${name}_sum${around} ${showValue(sum)}\n${name}_count${around} ${upTo}\n`;
}

function showValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** Spelled the same way in both formats, as the newer one wants it: bounds are labels, and labels tell series apart. */
function showBound(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** OpenMetrics escapes quotes in help texts as well, the older format takes them as they are: so ours have none. */
function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
