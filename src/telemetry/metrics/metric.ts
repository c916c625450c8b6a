/**
 * What is known of a metric beside its values: name, type, meaning and labels. They are API, as docs/metrics.md lists them.
 */

export type MetricType = "counter" | "gauge" | "histogram";

export interface Metric {
  /** With its prefix and, for counters, with `_total`. */
  readonly name: string;
  readonly type: MetricType;
  /** One sentence or two. */
  readonly help: string;
  readonly labels: readonly string[];
}

const PREFIX = "wasm_agent_";

export function counter(name: string, labels: readonly string[], help: string): Metric {
  return { name: `${PREFIX}${name}_total`, type: "counter", help, labels };
}

export function gauge(name: string, labels: readonly string[], help: string): Metric {
  return { name: `${PREFIX}${name}`, type: "gauge", help, labels };
}

export function histogram(name: string, labels: readonly string[], help: string): Metric {
  return { name: `${PREFIX}${name}`, type: "histogram", help, labels };
}

/** One of those that all processes have in common: its whole name, without our prefix. */
export function processMetric(name: string, type: "counter" | "gauge", help: string): Metric {
  return { name, type, help, labels: [] };
}
