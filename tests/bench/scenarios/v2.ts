/**
 * Protocol v2: one connection with 64 events in flight against 64 connections with one each.
 */

import { loadVariant, runLength, type Scenario } from "../bench.ts";
import type { LoadResult } from "../load.ts";
import { faultBar, loadTable } from "../report/load-table.ts";
import { failuresOf, pairedMedian, runRounds, typicalRun } from "../rounds.ts";

export const v2: Scenario = {
  name: "v2",
  title: "Protocol v2, closed loop: one connection with 64 in flight against 64 connections",
  async run(bench) {
    const length = runLength(bench);
    const multiplexed = { protocol: "v2", connections: 1, inFlight: 64, ...length } as const;
    const spread = { protocol: "v2", connections: 64, inFlight: 1, ...length } as const;
    const module = bench.guests.example ?? bench.guests.constant;
    const series = await runRounds<LoadResult>(
      [
        loadVariant(bench, "trivial responder, 1 x 64", bench.trivial, {}, multiplexed),
        loadVariant(bench, "agent, 1 x 64", bench.agent, { module }, multiplexed),
        loadVariant(bench, "trivial responder, 64 x 1", bench.trivial, {}, spread),
        loadVariant(bench, "agent, 64 x 1", bench.agent, { module }, spread),
        ...bench.others.map((other) =>
          loadVariant(bench, `${other.name}, 1 x 64`, other, { module }, multiplexed),
        ),
      ],
      bench.options.rounds,
      bench.progress,
    );
    const [trivialMultiplexed, agentMultiplexed, trivialSpread, agentSpread, ...others] = series;
    const charts = [agentMultiplexed, agentSpread].flatMap((one) => {
      const run = one === undefined ? null : typicalRun(one, (candidate) => candidate.normal.latencyUs.p50);
      return run === null || one === undefined ? [] : [{ title: `v2: ${one.name}`, shape: run.normal.shape }];
    });
    const listed = [trivialMultiplexed, agentMultiplexed, ...others].filter((one) => one !== undefined);
    const listedSpread = [trivialSpread, agentSpread].filter((one) => one !== undefined);
    return {
      tables: [
        loadTable("v2, one connection, 64 in flight", listed, trivialMultiplexed),
        loadTable("v2, 64 connections, one in flight on each", listedSpread, trivialSpread),
      ],
      bars: [
        {
          text: "v2, one connection with 64 in flight against 64 connections",
          value: pairedMedian(agentMultiplexed, agentSpread, (run) => run.eventsPerSecond),
          least: 1.2,
          unit: "times",
        },
        faultBar("v2", [agentMultiplexed, agentSpread]),
      ],
      charts,
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
