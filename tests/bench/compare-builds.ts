/**
 * Two builds of the agent side by side, protocol v1, closed loop: what a change costs, as a ratio of events a second and of
 * the agent's processor time for an event. On a busy machine the second one says more.
 *
 *     bun tests/bench/compare-builds.ts --base "path/to/agent" [--agent-cmd "dist/sentinel-wasm-agent"] [--rounds 7]
 *       [--connections 16,64] [--seconds 3] [--guests constant,example] [--flags "--admin-socket none"]
 *
 * `--flags` are given to the new build alone.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { LOG_FOLDER } from "./bench.ts";
import { buildGuestModules } from "./guest-modules.ts";
import { type LoadResult, runLoad } from "./load.ts";
import { findLoadgen } from "./loadgen/build.ts";
import { pairedMedian, runRounds, type Series, type Variant } from "./rounds.ts";
import { commandSubject, startSubject } from "./subject.ts";

const WARM_UP_SECONDS = 1;

const { values } = parseArgs({
  options: {
    base: { type: "string" },
    "agent-cmd": { type: "string", default: join(import.meta.dir, "../../dist/sentinel-wasm-agent") },
    rounds: { type: "string", default: "7" },
    connections: { type: "string", default: "16,64" },
    seconds: { type: "string", default: "3" },
    guests: { type: "string", default: "constant,example" },
    flags: { type: "string", default: "" },
  },
});
if (values.base === undefined) {
  console.error(
    '--base is missing; give the command of the build to compare with, as --base "path/to/agent"',
  );
  process.exit(2);
}

const loadgen = findLoadgen();
const modules = await buildGuestModules();
const subjects = {
  base: { ...commandSubject("base", values.base), flags: [] },
  new: {
    ...commandSubject("new", values["agent-cmd"], { takesFlags: true }),
    flags: values.flags.split(" ").filter((flag) => flag !== ""),
  },
};

for (const guest of values.guests.split(",")) {
  const module = guest === "example" ? (modules.example ?? modules.constant) : modules.constant;
  for (const connections of values.connections.split(",").map(Number)) {
    const series = await runRounds(
      (["base", "new"] as const).map((name) => variant(name, module, connections)),
      Number(values.rounds),
      () => {},
    );
    report(`${guest} guest, ${connections} connections`, series);
  }
}

function variant(name: keyof typeof subjects, module: string, connections: number): Variant<LoadResult> {
  const { flags, ...subject } = subjects[name];
  return {
    name,
    measure: async () => {
      const running = await startSubject(subject, { module, flags }, { logFolder: LOG_FOLDER });
      try {
        const profile = {
          protocol: "v1",
          connections,
          inFlight: 1,
          warmupSeconds: WARM_UP_SECONDS,
          durationSeconds: Number(values.seconds),
        } as const;
        return await runLoad(loadgen, running.socketPath, profile, { pid: running.pid });
      } finally {
        await running.stop();
      }
    },
  };
}

function report(title: string, series: readonly Series<LoadResult>[]): void {
  const find = (name: string) => series.find((one) => one.name === name);
  const show = (figure: (run: LoadResult) => number) => {
    const ratio = pairedMedian(find("new"), find("base"), figure);
    const all = series.map(({ name, runs }) => {
      const figures = runs.map((run) =>
        run === null ? "-" : figure(run).toFixed(figure(run) < 100 ? 2 : 0),
      );
      return `${name} ${figures.join(" ")}`;
    });
    return `${ratio?.toFixed(3) ?? "-"}  (${all.join("; ")})`;
  };
  console.log(title);
  for (const { name, failure } of series) if (failure !== null) console.log(`  ${name} failed: ${failure}`);
  console.log(`  events a second        ${show((run) => run.eventsPerSecond)}`);
  console.log(`  processor us an event  ${show((run) => run.agentCpuUsPerEvent ?? Number.NaN)}`);
  console.log(`  p99 us                 ${show((run) => run.normal.latencyUs.p99)}`);
}
