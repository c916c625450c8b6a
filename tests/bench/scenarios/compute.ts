/**
 * A guest that computes for about a millisecond: two slots against one, first from a single v2 connection, then from
 * several v1 connections.
 */

import { loadVariant, runLength, type Scenario } from "../bench.ts";
import { faultBar, loadTable } from "../report/load-table.ts";
import { failuresOf, pairedMedian, runRounds } from "../rounds.ts";

export const compute: Scenario = {
  name: "compute",
  title: "A guest of about one millisecond: pool-size 2 against pool-size 1",
  async run(bench) {
    const length = runLength(bench);
    const oneConnection = { protocol: "v2", connections: 1, inFlight: 16, ...length } as const;
    const manyConnections = { protocol: "v1", connections: 16, inFlight: 1, ...length } as const;
    const one = { module: bench.guests.compute, poolSize: 1 };
    const two = { module: bench.guests.compute, poolSize: 2 };
    const series = await runRounds(
      [
        loadVariant(bench, "pool-size 1, v2, 1 x 16", bench.agent, one, oneConnection),
        loadVariant(bench, "pool-size 2, v2, 1 x 16", bench.agent, two, oneConnection),
        loadVariant(bench, "pool-size 1, v1, 16 x 1", bench.agent, one, manyConnections),
        loadVariant(bench, "pool-size 2, v1, 16 x 1", bench.agent, two, manyConnections),
      ],
      bench.options.rounds,
      bench.progress,
    );
    const [v2One, v2Two, v1One, v1Two] = series;
    const gain = (two_: typeof v2Two, one_: typeof v2One): number | null =>
      pairedMedian(two_, one_, (run) => run.eventsPerSecond);
    return {
      tables: [
        loadTable("compute guest, v2, one connection, 16 in flight", series.slice(0, 2), v2One),
        loadTable("compute guest, v1, 16 connections", series.slice(2), v1One),
      ],
      bars: [
        {
          text: "compute guest, one v2 connection: pool-size 2 against 1",
          value: gain(v2Two, v2One),
          least: 1.7,
          unit: "times",
        },
        {
          text: "compute guest, 16 v1 connections: pool-size 2 against 1",
          value: gain(v1Two, v1One),
          least: 1.7,
          unit: "times",
        },
        faultBar("compute", series),
      ],
      charts: [],
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
