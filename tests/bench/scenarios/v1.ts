/**
 * Protocol v1, closed loop, at 1, 4, 16 and 64 connections: our agent with the example module and with a guest that
 * does nothing, the trivial responder, the Rust agent and any other that was named.
 */

import {
  type Bar,
  type Bench,
  type Chart,
  type Failure,
  loadVariant,
  runLength,
  type Scenario,
  type Table,
} from "../bench.ts";
import type { LoadResult } from "../load.ts";
import { count } from "../report/figures.ts";
import { faultBar, loadTable } from "../report/load-table.ts";
import { failuresOf, pairedMedian, runRounds, type Series, typicalRun, type Variant } from "../rounds.ts";

const CONNECTIONS = [1, 4, 16, 64];
const QUICK_CONNECTIONS = [1, 16];

/** What is asked beside the Rust agent: events a second, as a multiple of its own. */
const SEED_BARS: ReadonlyMap<number, { least: number; aim: number }> = new Map([
  [1, { least: 1, aim: 1.2 }],
  [4, { least: 1.6, aim: 2 }],
  [16, { least: 4, aim: 5 }],
  [64, { least: 8, aim: 10 }],
]);

function variants(bench: Bench, connections: number): Variant<LoadResult>[] {
  const profile = { protocol: "v1", connections, inFlight: 1, ...runLength(bench) } as const;
  const { example, constant } = bench.guests;
  const list = [loadVariant(bench, "trivial responder", bench.trivial, {}, profile)];
  if (example !== null) {
    list.push(loadVariant(bench, "agent, example module", bench.agent, { module: example }, profile));
  }
  list.push(loadVariant(bench, "agent, constant guest", bench.agent, { module: constant }, profile));
  for (const other of [...(bench.seed === null ? [] : [bench.seed]), ...bench.others]) {
    list.push(loadVariant(bench, other.name, other, { module: example ?? constant }, profile));
  }
  return list;
}

function bars(
  bench: Bench,
  connections: number,
  find: (name: string) => Series<LoadResult> | undefined,
): Bar[] {
  const at = `v1, ${connections} connection${connections === 1 ? "" : "s"}`;
  const trivial = find("trivial responder");
  const example = find("agent, example module");
  const constant = find("agent, constant guest");
  const perSecond = (run: LoadResult): number => run.eventsPerSecond;
  const list: Bar[] = [];
  if (connections >= 16) {
    list.push({
      text: `${at}: example module, ratio to the trivial responder`,
      value: pairedMedian(example, trivial, perSecond),
      ...{ least: 0.4, aim: 0.5, unit: "" },
    });
    list.push({
      text: `${at}: constant guest, ratio to the trivial responder`,
      value: pairedMedian(constant, trivial, perSecond),
      ...{ least: 0.63, unit: "" },
    });
  } else {
    list.push({
      text: `${at}: example module, p50 above the trivial responder's`,
      value: pairedMedian(
        example,
        trivial,
        (run) => run.normal.latencyUs.p50,
        (own, bare) => own - bare,
      ),
      ...{ most: 25, unit: "µs" },
    });
  }
  const seedBar = SEED_BARS.get(connections);
  if (bench.seed !== null && seedBar !== undefined) {
    const ours = example ?? constant;
    const seed = find(bench.seed.name);
    list.push({
      text: `${at}: events/s against the Rust agent`,
      value: pairedMedian(ours, seed, perSecond),
      ...seedBar,
      unit: "times",
    });
    list.push({
      text: `${at}: p99 against the Rust agent's`,
      value: pairedMedian(ours, seed, (run) => run.normal.latencyUs.p99),
      ...{ most: 1, unit: "times" },
    });
  }
  return list;
}

export const v1: Scenario = {
  name: "v1",
  title: "Protocol v1, closed loop, whole path over the socket",
  async run(bench) {
    const tables: Table[] = [];
    const allBars: Bar[] = [];
    const charts: Chart[] = [];
    const runs: Record<string, readonly Series<LoadResult>[]> = {};
    const failures: Failure[] = [];
    for (const connections of bench.options.quick ? QUICK_CONNECTIONS : CONNECTIONS) {
      bench.progress(`v1, ${count(connections)} connections`);
      const series = await runRounds(variants(bench, connections), bench.options.rounds, bench.progress);
      const find = (name: string): Series<LoadResult> | undefined => series.find((one) => one.name === name);
      failures.push(...failuresOf(series));
      runs[`connections-${connections}`] = series;
      tables.push(loadTable(`v1, connections: ${connections}`, series, find("trivial responder")));
      allBars.push(...bars(bench, connections, find));
      const ours = series.filter(({ name }) => name.startsWith("agent, "));
      allBars.push(faultBar(`v1, connections: ${connections}`, ours));
      for (const one of series) {
        const run = typicalRun(one, (candidate) => candidate.normal.latencyUs.p50);
        if (run !== null && connections === 16) {
          charts.push({ title: `v1, 16 connections: ${one.name}`, shape: run.normal.shape });
        }
      }
    }
    const notes =
      bench.guests.example === null
        ? ["examples/rust/policy.wasm is not built: the constant guest stands in for it."]
        : [];
    return { tables, bars: allBars, charts, failures, notes, runs };
  },
};
