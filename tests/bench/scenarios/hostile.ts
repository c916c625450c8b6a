/**
 * Fast events beside a bad one every 100 ms: first one that loops for ever and must be stopped at its deadline, then
 * one that is merely slow (about 20 ms) and must be answered.
 */

import { type Bench, type Chart, loadVariant, type Scenario } from "../bench.ts";
import { latencyOf, type LoadProfile, type LoadResult } from "../load.ts";
import { count, figure } from "../report/figures.ts";
import { faultBar } from "../report/load-table.ts";
import { failuresOf, medianOf, runRounds, type Series, typicalRun, type Variant } from "../rounds.ts";

const RATE_PER_SECOND = 1000;
const BAD_EVERY_MS = 100;
const DEADLINE_MS = 50;
const OTHERS_P99_MOST_US = 5000;

const BAD_EVENTS = [
  { name: "looping", uri: "/hostile/~spin" },
  { name: "slow", uri: "/hostile/~slow" },
] as const;

function variant(bench: Bench, name: string, profile: LoadProfile): Variant<LoadResult> {
  const settings = {
    module: bench.guests.hostile,
    poolSize: 2,
    flags: ["--timeout-ms", String(DEADLINE_MS)],
  };
  return loadVariant(bench, name, bench.agent, settings, profile);
}

export const hostile: Scenario = {
  name: "hostile",
  title: `One bad event every ${BAD_EVERY_MS} ms beside ${RATE_PER_SECOND} events/s, pool-size 2, deadline ${DEADLINE_MS} ms`,
  async run(bench) {
    const length = {
      warmupSeconds: bench.options.warmupSeconds,
      // Long enough for some bad events even when everything else is quick.
      durationSeconds: Math.max(bench.options.seconds, 0.8),
    };
    const shapes = [
      { protocol: "v1", connections: 16, inFlight: 1 },
      { protocol: "v2", connections: 1, inFlight: 64 },
    ] as const;
    const series = await runRounds(
      BAD_EVENTS.flatMap((bad) =>
        shapes.map((shape) =>
          variant(bench, `${bad.name}, ${shape.protocol}, ${shape.connections} x ${shape.inFlight}`, {
            ...shape,
            ...length,
            ratePerSecond: RATE_PER_SECOND,
            poison: { uri: bad.uri, intervalMs: BAD_EVERY_MS },
          }),
        ),
      ),
      bench.options.rounds,
      bench.progress,
    );
    const othersP99 = (one: Series<LoadResult>): number | null =>
      medianOf(one, (run) => latencyOf(run, "p99"));
    const rows = series.map((one) => [
      one.name,
      count(medianOf(one, (run) => run.normal.events)),
      figure(medianOf(one, (run) => latencyOf(run, "p50"))),
      figure(othersP99(one)),
      figure(medianOf(one, (run) => latencyOf(run, "max"))),
      count(medianOf(one, (run) => run.normal.notAllowed)),
      count(medianOf(one, (run) => run.poison?.events)),
      count(medianOf(one, (run) => run.poison?.notAllowed)),
      figure(medianOf(one, (run) => run.poison?.latencyUs.p50)),
      figure(medianOf(one, (run) => run.poison?.latencyUs.max)),
      count(medianOf(one, (run) => run.errors + run.wrongIds + run.unanswered)),
    ]);
    const charts: Chart[] = series.flatMap((one) => {
      const run = typicalRun(one, (candidate) => candidate.normal.latencyUs.p99);
      return run === null ? [] : [{ title: `beside a bad event: ${one.name}`, shape: run.normal.shape }];
    });
    return {
      tables: [
        {
          title: "Good events beside bad ones, µs",
          columns: [
            "bad event",
            "good",
            "p50",
            "p99",
            "max",
            "not allowed",
            "bad",
            "refused",
            "bad p50",
            "bad max",
            "faults",
          ],
          rows,
        },
      ],
      bars: series.flatMap((one) => [
        {
          text: `${one.name}: p99 of the others`,
          value: othersP99(one),
          most: OTHERS_P99_MOST_US,
          unit: "µs",
        },
        faultBar(one.name, [one]),
      ]),
      charts,
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
