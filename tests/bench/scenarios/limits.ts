/**
 * What deadline and memory cap cost, when they are compiled into the module: the same load with and without.
 */

import { loadVariant, runLength, type Scenario } from "../bench.ts";
import { faultBar, loadTable } from "../report/load-table.ts";
import { failuresOf, pairedMedian, runRounds } from "../rounds.ts";

export const limits: Scenario = {
  name: "limits",
  title: "Limits compiled in against --no-limits, v1, 16 connections",
  async run(bench) {
    const profile = { protocol: "v1", connections: 16, inFlight: 1, ...runLength(bench) } as const;
    const module = bench.guests.example ?? bench.guests.constant;
    const series = await runRounds(
      [
        loadVariant(bench, "no limits", bench.agent, { module, flags: ["--no-limits"] }, profile),
        loadVariant(bench, "limits", bench.agent, { module }, profile),
      ],
      bench.options.rounds,
      bench.progress,
    );
    const [without, within] = series;
    return {
      tables: [loadTable("limits", series, without)],
      bars: [
        {
          text: "whole event with limits against --no-limits",
          value: pairedMedian(within, without, (run) => 1 / run.eventsPerSecond),
          most: 1.1,
          unit: "times",
        },
        faultBar("limits", series),
      ],
      charts: [],
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
