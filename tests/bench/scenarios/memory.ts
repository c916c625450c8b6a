/**
 * Resident memory over a million events: how much, and whether it still grows.
 */

import { type Bench, generatorCpu, type Scenario, withSubject } from "../bench.ts";
import { type LoadResult, runLoad } from "../load.ts";
import { residentMebibytes } from "../process-memory.ts";
import { count, figure } from "../report/figures.ts";
import { failuresOf, medianOf, runRounds, type Variant } from "../rounds.ts";
import type { Subject } from "../subject.ts";

const EVENTS = 1_000_000;
const QUICK_EVENTS = 20_000;
const QUARTERS = 4;

interface MemoryRun {
  readonly idle: number;
  /** After each quarter of the events, MiB. */
  readonly afterQuarter: readonly number[];
  readonly quarters: readonly LoadResult[];
}

function variant(
  bench: Bench,
  name: string,
  subject: Subject,
  module: string,
  events: number,
): Variant<MemoryRun>[] {
  if (subject.command === null) return [];
  return [
    {
      name,
      measure: () =>
        withSubject(bench, subject, { module, poolSize: 4 }, async ({ socketPath, pid }) => {
          const idle = residentMebibytes(pid);
          const afterQuarter: number[] = [];
          const quarters: LoadResult[] = [];
          for (let quarter = 0; quarter < QUARTERS; quarter++) {
            const profile = {
              protocol: "v1",
              connections: 16,
              inFlight: 1,
              warmupSeconds: 0,
              durationSeconds: 600,
              events: events / QUARTERS,
            } as const;
            quarters.push(
              await runLoad(bench.loadgen, socketPath, profile, { pid, cpu: generatorCpu(bench) }),
            );
            afterQuarter.push(residentMebibytes(pid));
          }
          return { idle, afterQuarter, quarters };
        }),
    },
  ];
}

export const memory: Scenario = {
  name: "memory",
  title: "Resident memory over a million events, pool-size 4, v1, 16 connections",
  async run(bench) {
    const events = bench.options.quick ? QUICK_EVENTS : EVENTS;
    const module = bench.guests.example ?? bench.guests.constant;
    const rivals = bench.seed === null || bench.options.quick ? bench.others : [bench.seed, ...bench.others];
    const series = await runRounds(
      [
        ...variant(bench, "trivial responder", bench.trivial, module, events),
        ...variant(bench, "agent", bench.agent, module, events),
        ...rivals.flatMap((other) => variant(bench, other.name, other, module, events)),
      ],
      1,
      bench.progress,
    );
    const agent = series.find((one) => one.name === "agent");
    const last = QUARTERS - 1;
    return {
      tables: [
        {
          title: `Resident memory, MiB, over ${count(events)} events`,
          columns: ["variant", "idle", "after 1/4", "after 2/4", "after 3/4", "after all"],
          rows: series.map((one) => [
            one.name,
            figure(medianOf(one, (run) => run.idle)),
            ...[0, 1, 2, 3].map((quarter) => figure(medianOf(one, (run) => run.afterQuarter[quarter]))),
          ]),
        },
      ],
      bars: [
        {
          text: `resident memory after ${count(events)} events, pool-size 4`,
          value: medianOf(agent, (run) => run.afterQuarter[last]),
          most: 120,
          unit: "MiB",
        },
        {
          text: "resident memory, last quarter against the second",
          value: medianOf(agent, (run) => (run.afterQuarter[last] ?? 0) / (run.afterQuarter[1] ?? 1)),
          most: 1.05,
          unit: "times",
        },
      ],
      charts: [],
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
