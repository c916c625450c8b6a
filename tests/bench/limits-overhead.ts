/**
 * What the limits cost that are compiled into a module: each example module and one that only computes, with and
 * without limits, side by side in one run. Ratios are taken between neighbours in time, and their median counts, so that
 * a busy machine disturbs both sides alike.
 *
 *     bun tests/bench/limits-overhead.ts [--rounds 11] [--seconds 0.3] [--modules rust,go] [--agent-cmd "..."]
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ExampleLanguage, examplePolicy } from "../support/example-modules.ts";
import { LOG_FOLDER } from "./bench.ts";
import { buildGuestModules } from "./guest-modules.ts";
import { runLoad } from "./load.ts";
import { findLoadgen } from "./loadgen/build.ts";
import { measuredGuest } from "./micro/measured-guest.ts";
import { textTable } from "./report/text-table.ts";
import { median } from "./rounds.ts";
import { commandSubject, startSubject } from "./subject.ts";

/** As the documents promise it. */
const MOST_FOR_AN_EVENT = 1.1;
const MOST_FOR_THE_GUEST = 1.35;

const WARM_UP_MS = 400;
const BATCH_MS = 4;
const BATCHES = 60;
const LANGUAGES: readonly ExampleLanguage[] = ["rust", "go", "c", "assemblyscript", "zig"];
const COMPUTE = "compute";
const SOURCES = join(import.meta.dir, "../../src/main.ts");
const LOAD = { protocol: "v1", connections: 8, inFlight: 1, warmupSeconds: 0.1 } as const;

interface GuestFigure {
  readonly limitedUs: number;
  readonly unlimitedUs: number;
  readonly ratio: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    seconds: { type: "string", default: "0.3" },
    modules: { type: "string", default: [...LANGUAGES, COMPUTE].join(",") },
    "agent-cmd": { type: "string", default: `"${process.execPath}" "${SOURCES}"` },
    /** Measures one module inside this process and prints JSON: the engine treats the first few memories best. */
    "guest-only": { type: "string" },
  },
});

if (values["guest-only"] === undefined) await measureAll();
else console.log(JSON.stringify(await measureGuest(values["guest-only"])));

async function measureAll(): Promise<void> {
  const { compute } = await buildGuestModules();
  const modules: readonly (readonly [string, string])[] = [
    ...LANGUAGES.map((language) => [language, examplePolicy(language)] as const),
    [COMPUTE, compute],
  ];
  const wanted = values.modules.split(",");
  const rows: string[][] = [];
  let isWithin = true;
  for (const [name, path] of modules.filter(([name]) => wanted.includes(name))) {
    const guest = await guestInItsOwnProcess(path);
    const events = await eventRatio(path);
    isWithin &&= guest.ratio <= MOST_FOR_THE_GUEST && events.ratio <= MOST_FOR_AN_EVENT;
    rows.push([
      name,
      guest.unlimitedUs.toFixed(2),
      guest.limitedUs.toFixed(2),
      guest.ratio.toFixed(2),
      events.unlimitedUs.toFixed(1),
      events.limitedUs.toFixed(1),
      events.ratio.toFixed(2),
    ]);
  }
  const columns = ["module", "guest µs", "limited", "ratio", "event µs of CPU", "limited", "ratio"];
  console.log(textTable({ title: "The cost of the limits", columns, rows }));
  console.log(
    `bars: guest time at most ${MOST_FOR_THE_GUEST}, whole events at most ${MOST_FOR_AN_EVENT}: ${isWithin ? "met" : "MISSED"}`,
  );
  process.exit(isWithin ? 0 : 1);
}

async function guestInItsOwnProcess(path: string): Promise<GuestFigure> {
  const child = Bun.spawn([process.execPath, import.meta.path, "--guest-only", path], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${path} could not be measured`);
  return JSON.parse(output) as GuestFigure;
}

/** The calls of one event: alloc, handler, both deallocs. */
async function measureGuest(path: string): Promise<GuestFigure> {
  const limited = (await measuredGuest(path)).bareCalls;
  const unlimited = (await measuredGuest(path, { limits: false })).bareCalls;
  const limitedBatch = warmUp(limited);
  const unlimitedBatch = warmUp(unlimited);
  const limitedUs: number[] = [];
  const unlimitedUs: number[] = [];
  const ratios: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const isForth = batch % 2 === 0;
    const before = isForth ? timed(limited, limitedBatch) : 0;
    const other = timed(unlimited, unlimitedBatch);
    const one = isForth ? before : timed(limited, limitedBatch);
    limitedUs.push(one);
    unlimitedUs.push(other);
    ratios.push(one / other);
  }
  return {
    limitedUs: median(limitedUs) ?? Number.NaN,
    unlimitedUs: median(unlimitedUs) ?? Number.NaN,
    ratio: median(ratios) ?? Number.NaN,
  };
}

/** Until the engine's best compiler has had its turn; says how many calls make a batch. */
function warmUp(call: () => void): number {
  const endAt = performance.now() + WARM_UP_MS;
  let calls = 0;
  while (performance.now() < endAt) {
    call();
    calls++;
  }
  return Math.max(1, Math.round((calls * BATCH_MS) / WARM_UP_MS));
}

/** Microseconds a call. */
function timed(call: () => void, times: number): number {
  const startedAt = Bun.nanoseconds();
  for (let i = 0; i < times; i++) call();
  return (Bun.nanoseconds() - startedAt) / times / 1000;
}

/** Processor time of the agent for an event over the socket, everything included: two agents, asked in turns. */
async function eventRatio(module: string): Promise<GuestFigure> {
  const loadgen = findLoadgen();
  const agent = commandSubject("agent", values["agent-cmd"], { takesFlags: true });
  const start = (name: string, flags: readonly string[]) =>
    startSubject(
      { ...agent, name },
      { module, flags: ["--dispatch", "inline", ...flags] },
      { logFolder: LOG_FOLDER },
    );
  const limited = await start("limited", []);
  const unlimited = await start("unlimited", ["--no-limits"]);
  const cost = async ({ socketPath, pid }: typeof limited): Promise<number> => {
    const profile = { ...LOAD, durationSeconds: Number(values.seconds) };
    return (await runLoad(loadgen, socketPath, profile, { pid })).agentCpuUsPerEvent ?? Number.NaN;
  };
  try {
    await cost(limited);
    await cost(unlimited);
    const pairs: { readonly one: number; readonly other: number }[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      if (round % 2 === 0) {
        const one = await cost(limited);
        pairs.push({ one, other: await cost(unlimited) });
      } else {
        const other = await cost(unlimited);
        pairs.push({ one: await cost(limited), other });
      }
    }
    return {
      limitedUs: median(pairs.map(({ one }) => one)) ?? Number.NaN,
      unlimitedUs: median(pairs.map(({ other }) => other)) ?? Number.NaN,
      ratio: median(pairs.map(({ one, other }) => one / other)) ?? Number.NaN,
    };
  } finally {
    await limited.stop();
    await unlimited.stop();
  }
}
