/**
 * The parts of an event, each alone: a fresh process a round, medians.
 */

import type { Scenario } from "../bench.ts";
import { runMicro } from "../micro/run-micro.ts";
import { count } from "../report/figures.ts";
import { failuresOf, medianOf, runRounds } from "../rounds.ts";

export const micro: Scenario = {
  name: "micro",
  title: "Framing, codec, guest call: each alone in a warm loop",
  async run(bench) {
    const rounds = Math.min(bench.options.rounds, 3);
    const { quick } = bench.options;
    const variants = [{ name: "micro", measure: () => runMicro({ quick }) }];
    const series = await runRounds(variants, rounds, bench.progress);
    const [only] = series;
    const names = only?.runs.find((run) => run !== null)?.map(({ name }) => name) ?? [];
    const rows = names.map((name, index) => [name, count(medianOf(only, (run) => run[index]?.nanoseconds))]);
    return {
      tables: [{ title: "Parts of an event, each alone", columns: ["part", "ns"], rows }],
      bars: [],
      charts: [],
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
