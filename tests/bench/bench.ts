/**
 * What every scenario is given: the subjects, the guests, the lengths of a run, and the one way to take a measurement.
 */

import { join } from "node:path";
import { availableParallelism } from "node:os";
import type { GuestModules } from "./guest-modules.ts";
import { type LoadProfile, type LoadResult, runLoad } from "./load.ts";
import type { Variant } from "./rounds.ts";
import { type Subject, type SubjectSettings, startSubject } from "./subject.ts";

export interface BenchOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Generator on the last processor, everything measured on the others. */
  readonly pin: boolean;
}

export interface Bench {
  readonly options: BenchOptions;
  readonly loadgen: string;
  readonly logFolder: string;
  readonly guests: GuestModules;
  /** Our agent. */
  readonly agent: Subject;
  readonly trivial: Subject;
  /** The Rust agent that is replaced (v1 only), where it is installed. */
  readonly seed: Subject | null;
  readonly others: readonly Subject[];
  progress(line: string): void;
}

/** Rows and charts to print, bars to check, and the runs behind them for the JSON file. */
export interface ScenarioResult {
  readonly tables: readonly Table[];
  readonly bars: readonly Bar[];
  readonly charts: readonly Chart[];
  readonly failures: readonly Failure[];
  readonly notes: readonly string[];
  readonly runs: unknown;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<ScenarioResult>;
}

/** A variant that could not be measured, and why. */
export interface Failure {
  readonly variant: string;
  readonly reason: string;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A figure that must be reached. `value` null: it could not be measured. */
export interface Bar {
  readonly text: string;
  readonly value: number | null;
  readonly least?: number;
  readonly most?: number;
  /** What is hoped for beyond the bar. */
  readonly aim?: number;
  readonly unit: string;
}

export interface Chart {
  readonly title: string;
  readonly shape: readonly (readonly [number, number])[];
}

export function barIsMet({ value, least, most }: Bar): boolean | null {
  if (value === null) return null;
  return (least === undefined || value >= least) && (most === undefined || value <= most);
}

/** Length and warm-up of a run as the options say. */
export function runLength(bench: Bench): Pick<LoadProfile, "warmupSeconds" | "durationSeconds"> {
  return { warmupSeconds: bench.options.warmupSeconds, durationSeconds: bench.options.seconds };
}

export function generatorCpu(bench: Bench): number | undefined {
  return bench.options.pin ? availableParallelism() - 1 : undefined;
}

/** Starts a subject, lets `use` measure it, and stops it whatever happens. */
export async function withSubject<T>(
  bench: Bench,
  subject: Subject,
  settings: SubjectSettings,
  use: (running: { socketPath: string; pid: number | undefined }) => Promise<T>,
): Promise<T> {
  const last = availableParallelism() - 1;
  const cpus = bench.options.pin ? (last > 1 ? `0-${last - 1}` : "0") : undefined;
  const running = await startSubject(subject, settings, { logFolder: bench.logFolder, cpus });
  try {
    return await use(running);
  } finally {
    await running.stop();
  }
}

/** A fresh process under one load. */
export function measureLoad(
  bench: Bench,
  subject: Subject,
  settings: SubjectSettings,
  profile: LoadProfile,
): Promise<LoadResult> {
  return withSubject(bench, subject, settings, ({ socketPath, pid }) =>
    runLoad(bench.loadgen, socketPath, profile, { pid, cpu: generatorCpu(bench) }),
  );
}

export function loadVariant(
  bench: Bench,
  name: string,
  subject: Subject,
  settings: SubjectSettings,
  profile: LoadProfile,
): Variant<LoadResult> {
  return { name, measure: () => measureLoad(bench, subject, settings, profile) };
}

export const LOG_FOLDER = join(import.meta.dir, "../../dist/bench/logs");
