/**
 * Latency at half of peak load: events are sent by the clock, and a late answer delays none of the following ones.
 */

import { type Bench, generatorCpu, runLength, type Scenario, withSubject } from "../bench.ts";
import { latencyOf, type LoadProfile, type LoadResult, runLoad } from "../load.ts";
import { count, figure } from "../report/figures.ts";
import { failuresOf, medianOf, runRounds, typicalRun, type Variant } from "../rounds.ts";
import { commandSubject, type Subject } from "../subject.ts";

const CONNECTIONS = 16;
const MOST_SPREAD = 3;

interface HalfPeak {
  readonly peakPerSecond: number;
  readonly half: LoadResult;
}

function variant(bench: Bench, name: string, subject: Subject, module: string): Variant<HalfPeak> {
  const profile: LoadProfile = { protocol: "v1", connections: CONNECTIONS, inFlight: 1, ...runLength(bench) };
  return {
    name,
    // Peak and half of it in the same process: what half is depends on how this process came out.
    measure: () =>
      withSubject(bench, subject, { module }, async ({ socketPath, pid }) => {
        const where = { pid, cpu: generatorCpu(bench) };
        const peak = await runLoad(bench.loadgen, socketPath, profile, where);
        const ratePerSecond = Math.round(peak.eventsPerSecond / 2);
        const half = await runLoad(bench.loadgen, socketPath, { ...profile, ratePerSecond }, where);
        return { peakPerSecond: peak.eventsPerSecond, half };
      }),
  };
}

/** About what the agent spends on an event of the example module, so that both are asked equally often. */
const PLAIN_WORK_NS = 6000;

/** Nothing answers steadier than a C program without a runtime, a collector or a second thread. */
function machineNotes(plainSpread: number | null): string[] {
  if (plainSpread === null || plainSpread <= MOST_SPREAD) return [];
  return [
    `The plain responder's own p99 is ${figure(plainSpread)} times its p50: this machine pauses programs for longer than an event takes, so the bar says more about it than about the agent.`,
  ];
}

export const openLoop: Scenario = {
  name: "open-loop",
  title: "Open loop at half of peak, v1, 16 connections; latency from the intended send time",
  async run(bench) {
    const module = bench.guests.example ?? bench.guests.constant;
    const plain = commandSubject(
      "plain responder",
      `${bench.loadgen} respond --socket {socket} --work-ns ${PLAIN_WORK_NS}`,
    );
    const series = await runRounds(
      [
        variant(bench, plain.name, plain, module),
        variant(bench, "trivial responder", bench.trivial, module),
        variant(bench, "agent", bench.agent, module),
        ...[...(bench.seed === null ? [] : [bench.seed]), ...bench.others].map((other) =>
          variant(bench, other.name, other, module),
        ),
      ],
      bench.options.rounds,
      bench.progress,
    );
    const spread = ({ half }: HalfPeak): number | undefined =>
      half.normal.events === 0 ? undefined : half.normal.latencyUs.p99 / half.normal.latencyUs.p50;
    const rows = series.map((one) => [
      one.name,
      count(medianOf(one, (run) => run.peakPerSecond)),
      count(medianOf(one, (run) => run.half.eventsPerSecond)),
      figure(medianOf(one, (run) => latencyOf(run.half, "p50"))),
      figure(medianOf(one, (run) => latencyOf(run.half, "p99"))),
      figure(medianOf(one, (run) => latencyOf(run.half, "p999"))),
      figure(medianOf(one, spread)),
      figure(medianOf(one, (run) => run.half.sendLagUs?.p99)),
      figure(medianOf(one, (run) => run.half.otherCpuShare)),
    ]);
    const agent = series.find((one) => one.name === "agent");
    const charts = series.flatMap((one) => {
      const run = typicalRun(one, (candidate) => candidate.half.normal.latencyUs.p50);
      return run === null ? [] : [{ title: `half of peak: ${one.name}`, shape: run.half.normal.shape }];
    });
    return {
      tables: [
        {
          title: "Open loop, half of peak",
          columns: [
            "variant",
            "peak/s",
            "sent/s",
            "p50 µs",
            "p99 µs",
            "p99.9 µs",
            "p99/p50",
            "generator late p99 µs",
            "others' CPU",
          ],
          rows,
        },
      ],
      bars: [
        {
          text: "open loop at half of peak: p99 against p50",
          value: medianOf(agent, spread),
          most: MOST_SPREAD,
          unit: "times",
        },
      ],
      charts,
      failures: failuresOf(series),
      notes: machineNotes(medianOf(series[0], spread)),
      runs: series,
    };
  },
};
