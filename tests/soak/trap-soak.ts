/**
 * Many events with a guest that traps on every hundredth: what that leaves behind in the agent. The load comes from the
 * generator of the benchmark; resident memory is read from outside while it runs.
 */

import { join } from "node:path";
import type { LoadResult } from "../bench/load.ts";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";

const LOADGEN = join(import.meta.dir, "../bench/loadgen/loadgen-linux-x64");
/** The generator is a binary for this platform. */
export const CAN_SOAK = process.platform === "linux" && process.arch === "x64";

/** `trap-on-marker` traps on this. */
const POISON_URI = "/boom";
const POISON_EVERY = 100;
const CONNECTIONS = 4;
const IN_FLIGHT = 8;
const WARM_UP_SECONDS = 1;
const MAX_SECONDS = 24 * 3600;
const MIB = 1024 * 1024;

export interface TrapSoakOptions {
  readonly events: number;
  readonly sampleEveryMs: number;
  /** Further flags of the agent. */
  readonly flags?: readonly string[];
  onSample?(sample: MemorySample): void;
}

export interface MemorySample {
  readonly seconds: number;
  readonly residentMib: number;
}

export interface TrapSoakResult {
  readonly load: LoadResult;
  readonly samples: readonly MemorySample[];
  /** Good events that got anything but "allow". */
  readonly goodRefused: number;
  /** Poison events that were not refused. */
  readonly poisonAllowed: number;
  readonly exitCode: number | null;
}

export async function soakWithTraps(options: TrapSoakOptions): Promise<TrapSoakResult> {
  await using agent = await AgentProcess.start({
    module: guestPath("trap-on-marker"),
    ...(options.flags === undefined ? {} : { flags: options.flags }),
  });
  const samples: MemorySample[] = [];
  const startedAtMs = performance.now();
  const sample = async (): Promise<void> => {
    const residentMib = (await agent.residentBytes()) / MIB;
    const taken = { seconds: (performance.now() - startedAtMs) / 1000, residentMib };
    samples.push(taken);
    options.onSample?.(taken);
  };
  const sampling = setInterval(() => void sample(), options.sampleEveryMs);
  const load = await sendLoad(agent, options.events).finally(() => clearInterval(sampling));
  await sample();
  agent.signal("SIGTERM");
  const exitCode = await agent.exited;
  const { normal, poison } = load;
  return {
    load,
    samples,
    goodRefused: normal.notAllowed,
    poisonAllowed: poison === undefined ? 0 : poison.events - poison.notAllowed,
    exitCode,
  };
}

async function sendLoad(agent: AgentProcess, events: number): Promise<LoadResult> {
  const load = Bun.spawn(
    [
      LOADGEN,
      ...["--socket", agent.socketPath, "--protocol", "v2"],
      ...["--connections", String(CONNECTIONS), "--in-flight", String(IN_FLIGHT)],
      ...["--warmup", String(WARM_UP_SECONDS), "--duration", String(MAX_SECONDS), "--events", String(events)],
      ...["--poison-uri", POISON_URI, "--poison-every", String(POISON_EVERY)],
      ...["--pid", String(agent.pid)],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [output, complaint, exitCode] = await Promise.all([
    load.stdout.text(),
    load.stderr.text(),
    load.exited,
  ]);
  if (exitCode !== 0) throw new Error(complaint.trim() || `the load generator ended with ${exitCode}`);
  return JSON.parse(output) as LoadResult;
}

/** Growth from the second fifth of a run to its last, in MiB: the first fifth is the engine warming up. */
export function growthMib(samples: readonly MemorySample[]): number {
  const fifth = Math.max(1, Math.floor(samples.length / 5));
  return median(samples.slice(-fifth)) - median(samples.slice(fifth, 2 * fifth));
}

function median(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ residentMib }) => residentMib).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
