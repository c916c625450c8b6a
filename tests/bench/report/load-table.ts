/**
 * The table of a load scenario: one row a variant, medians over the rounds, and a remark where a figure should not
 * be trusted.
 */

import type { Bar, Table } from "../bench.ts";
import { type LatencyUs, latencyOf, type LoadResult } from "../load.ts";
import { medianOf, pairedMedian, type Series } from "../rounds.ts";
import { count, figure } from "./figures.ts";

/** Above this share of a processor the generator itself may be what is slow. */
const GENERATOR_BOUND_SHARE = 0.9;
/** Above this share the agent itself is what is slow, however busy the generator is. */
const SATURATED_SHARE = 0.95;
/** Above this share of a processor something else on the machine disturbs the run. */
const DISTURBED_SHARE = 0.15;

const COLUMNS = [
  "variant",
  "events/s",
  "ratio",
  "CPU ratio",
  "p50 µs",
  "p99 µs",
  "p99.9 µs",
  "max µs",
  "agent CPU µs/event",
  "generator CPU",
  "remarks",
];

/** Fast wrong answers count for nothing: faults of our agent over all rounds, none allowed. */
export function faultBar(text: string, all: readonly (Series<LoadResult> | undefined)[]): Bar {
  let value: number | null = null;
  for (const series of all) {
    for (const run of series?.runs ?? []) {
      if (run === null) continue;
      value = (value ?? 0) + run.errors + run.wrongIds + run.unanswered + run.normal.notAllowed;
    }
  }
  return { text: `${text}: events answered wrong or not at all`, value, most: 0, unit: "" };
}

function remarks(series: Series<LoadResult>): string[] {
  const found: string[] = [];
  const total = (of: (run: LoadResult) => number): number =>
    series.runs.reduce((sum, run) => sum + (run === null ? 0 : of(run)), 0);
  const faults: [string, number][] = [
    ["connections broke", total((run) => run.errors)],
    ["wrong ids", total((run) => run.wrongIds)],
    ["unanswered", total((run) => run.unanswered)],
    ["not allowed", total((run) => run.normal.notAllowed)],
    ["not sent in time", total((run) => run.unsent)],
  ];
  for (const [what, number] of faults) if (number > 0) found.push(`${count(number)} ${what}`);

  const generator = medianOf(series, (run) => run.generatorCpuShare) ?? 0;
  const agent = medianOf(series, (run) => run.agentCpuShare);
  const other = medianOf(series, (run) => run.otherCpuShare) ?? 0;
  const [first] = series.runs;
  const closedLoop = first?.rate === 0 && first.connections * first.inFlight >= 16;
  const idleAgent = agent === null || agent < SATURATED_SHARE;
  if (closedLoop && generator > GENERATOR_BOUND_SHARE && idleAgent) found.push("generator-bound");
  if (closedLoop && agent !== null && generator > 0.1 && generator + agent < 1.05)
    found.push("one core shared");
  if (other > DISTURBED_SHARE) found.push(`others used ${other.toFixed(2)} CPU`);
  return found;
}

export function loadTable(
  title: string,
  all: readonly Series<LoadResult>[],
  reference: Series<LoadResult> | undefined,
): Table {
  const rows = all.map((series) => {
    if (series.failure !== null) {
      return [series.name, ...COLUMNS.slice(2).map(() => "-"), "failed"];
    }
    const latency = (quantile: keyof LatencyUs): string =>
      figure(medianOf(series, (run) => latencyOf(run, quantile)));
    return [
      series.name,
      count(medianOf(series, (run) => run.eventsPerSecond)),
      figure(pairedMedian(series, reference, (run) => run.eventsPerSecond)),
      figure(pairedMedian(reference, series, (run) => run.agentCpuUsPerEvent ?? Number.NaN)),
      latency("p50"),
      latency("p99"),
      latency("p999"),
      latency("max"),
      figure(medianOf(series, (run) => run.agentCpuUsPerEvent)),
      figure(medianOf(series, (run) => run.generatorCpuShare)),
      remarks(series).join(", "),
    ];
  });
  return { title, columns: COLUMNS, rows };
}
