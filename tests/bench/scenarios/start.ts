/**
 * From the start of the process to the first connection and to the first answer.
 */

import type { Bench, Scenario } from "../bench.ts";
import { runStart, type StartResult } from "../load.ts";
import { figure } from "../report/figures.ts";
import { failuresOf, medianOf, runRounds, type Variant } from "../rounds.ts";
import { newSocketPath, type Subject, type SubjectSettings } from "../subject.ts";

const ROUNDS = 15;
const QUICK_ROUNDS = 3;

function variant(
  bench: Bench,
  name: string,
  subject: Subject,
  settings: SubjectSettings,
): Variant<StartResult>[] {
  const { command } = subject;
  if (command === null) return [];
  return [
    {
      name,
      async measure() {
        const { socketPath, remove } = newSocketPath();
        try {
          return await runStart(bench.loadgen, socketPath, command(socketPath, settings));
        } finally {
          remove();
        }
      },
    },
  ];
}

export const start: Scenario = {
  name: "start",
  title: "Start of the process to its first answer",
  async run(bench) {
    const module = bench.guests.example ?? bench.guests.constant;
    const series = await runRounds(
      [
        ...variant(bench, "trivial responder", bench.trivial, {}),
        ...variant(bench, "agent, pool-size 4", bench.agent, { module, poolSize: 4 }),
        ...variant(bench, "agent, pool-size 1", bench.agent, { module, poolSize: 1 }),
        ...[...(bench.seed === null ? [] : [bench.seed]), ...bench.others].flatMap((other) =>
          variant(bench, other.name, other, { module }),
        ),
      ],
      bench.options.quick ? QUICK_ROUNDS : ROUNDS,
      bench.progress,
    );
    const rows = series.map((one) => [
      one.name,
      figure(medianOf(one, (run) => run.connectMs)),
      figure(medianOf(one, (run) => run.firstAnswerMs)),
      figure(Math.max(...one.runs.map((run) => run?.firstAnswerMs ?? Number.NaN))),
      figure(medianOf(one, (run) => run.residentKb / 1024)),
    ]);
    const agent = series.find((one) => one.name === "agent, pool-size 4");
    return {
      tables: [
        {
          title: "Start, ms (resident memory after the first answer, MiB)",
          columns: ["variant", "takes connections", "first answer", "slowest", "resident"],
          rows,
        },
      ],
      bars: [
        {
          text: "start to ready, example module, pool-size 4",
          value: medianOf(agent, (run) => run.connectMs),
          most: 60,
          unit: "ms",
        },
      ],
      charts: [],
      failures: failuresOf(series),
      notes: [],
      runs: series,
    };
  },
};
