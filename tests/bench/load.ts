/**
 * One run of the load generator: what to send, and what came of it. The generator is a process of its own; this file
 * only spells its flags and reads its JSON.
 */

export interface LoadProfile {
  readonly protocol: "v1" | "v2";
  readonly connections: number;
  /** Events in flight on each connection; v1 has one. */
  readonly inFlight: number;
  readonly warmupSeconds: number;
  readonly durationSeconds: number;
  /** Ends the run early, after so many measured events. */
  readonly events?: number;
  /** Open loop: events a second. Without it every answer is followed by the next event. */
  readonly ratePerSecond?: number;
  /** How long to wait for the last answers. */
  readonly drainSeconds?: number;
  readonly poison?: { readonly uri: string; readonly intervalMs: number };
}

export interface LatencyUs {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface LoadTally {
  readonly events: number;
  readonly notAllowed: number;
  readonly latencyUs: LatencyUs;
  /** [from this many microseconds, events], an eighth of an octave each, empty ones left out. */
  readonly shape: readonly (readonly [number, number])[];
}

export interface LoadResult {
  readonly protocol: "v1" | "v2";
  readonly connections: number;
  readonly inFlight: number;
  readonly rate: number;
  readonly seconds: number;
  readonly frameBytes: number;
  readonly answered: number;
  readonly eventsPerSecond: number;
  /** Connections that broke. */
  readonly errors: number;
  readonly wrongIds: number;
  readonly unanswered: number;
  /** Open loop: events that were due and never sent, because every place was taken. */
  readonly unsent: number;
  readonly reconnects: number;
  /** Processor seconds a second: of the generator, the agent, everything else on the machine. */
  readonly generatorCpuShare: number;
  readonly agentCpuShare?: number;
  readonly otherCpuShare?: number;
  readonly agentCpuUsPerEvent?: number;
  /** At the start and at the end of the measured time. */
  readonly agentResidentKb?: readonly [number, number];
  /** Open loop: how late the generator itself was. */
  readonly sendLagUs?: LatencyUs;
  readonly normal: LoadTally;
  readonly poison?: LoadTally;
}

/** A latency of the good events; undefined when there were none, which says nothing about speed. */
export function latencyOf(run: LoadResult, quantile: keyof LatencyUs): number | undefined {
  return run.normal.events === 0 ? undefined : run.normal.latencyUs[quantile];
}

export interface StartResult {
  readonly connectMs: number;
  readonly firstAnswerMs: number;
  readonly residentKb: number;
}

function profileFlags(profile: LoadProfile): string[] {
  const flags = [
    ...["--protocol", profile.protocol],
    ...["--connections", String(profile.connections)],
    ...["--in-flight", String(profile.inFlight)],
    ...["--warmup", String(profile.warmupSeconds)],
    ...["--duration", String(profile.durationSeconds)],
  ];
  if (profile.events !== undefined) flags.push("--events", String(profile.events));
  if (profile.drainSeconds !== undefined) flags.push("--drain", String(profile.drainSeconds));
  if (profile.ratePerSecond !== undefined) flags.push("--rate", String(profile.ratePerSecond));
  if (profile.poison !== undefined) {
    flags.push("--poison-uri", profile.poison.uri);
    flags.push("--poison-interval-ms", String(profile.poison.intervalMs));
  }
  return flags;
}

async function runLoadgen(command: readonly string[]): Promise<unknown> {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe" });
  const [output, complaint, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(complaint.trim() || `loadgen ended with status ${exitCode}`);
  return JSON.parse(output);
}

/** Sends what the profile says to the agent at `socketPath`; `pid` is the agent's process, where it is known. */
export async function runLoad(
  loadgen: string,
  socketPath: string,
  profile: LoadProfile,
  { pid, cpu }: { readonly pid?: number | undefined; readonly cpu?: number | undefined } = {},
): Promise<LoadResult> {
  const command = [loadgen, "--socket", socketPath, ...profileFlags(profile)];
  if (pid !== undefined) command.push("--pid", String(pid));
  if (cpu !== undefined) command.push("--cpu", String(cpu));
  return (await runLoadgen(command)) as LoadResult;
}

/** Starts `agent` and times it up to its first answer. */
export async function runStart(
  loadgen: string,
  socketPath: string,
  agent: readonly string[],
): Promise<StartResult> {
  return (await runLoadgen([loadgen, "start", "--socket", socketPath, "--", ...agent])) as StartResult;
}
