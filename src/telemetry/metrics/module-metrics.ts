/**
 * What the calls of one module cost, how they failed and why its instances were replaced. Each thread that calls guests has
 * a block of its own and writes to it alone; they are added up when somebody asks.
 */

import type { EventKind } from "../../event/event.ts";
import { FAILURE_CODES, type FailureCode } from "../../event/failure.ts";
import { METRICS } from "./catalogue.ts";
import { CellBlock, type SavedCells, sharedCells, sumOfCells } from "./cell-block.ts";
import { EVENT_LABELS, kindIndex } from "./event-label.ts";
import { DURATION_BOUNDS_MS, durationHistogram, Histogram, histogramCells } from "./histogram.ts";
import { type HistogramValue, inSeconds, type MetricsPage, sumInSeconds } from "./metrics-page.ts";

/**
 * - `trap`, `deadline`, `violation`: its last call trapped, took too long, or broke the rules of its ABI
 * - `calls`, `memory`: it reached what `--recycle-after` and `--recycle-memory` allow, or a cap for life was near
 * - `isolation`: every request gets a fresh one
 * - `configuration`: it refused one, or is to begin with one
 * - `thread`: its thread was lost
 */
export const REPLACEMENT_REASONS = [
  "trap",
  "deadline",
  "violation",
  "calls",
  "memory",
  "isolation",
  "configuration",
  "thread",
] as const;

export type ReplacementReason = (typeof REPLACEMENT_REASONS)[number];

/** Units of fuel: from a guest that does next to nothing to one that runs for a second. */
export const FUEL_BOUNDS: readonly number[] = [
  100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000,
  100_000_000, 300_000_000, 1_000_000_000,
];

const CELLS =
  EVENT_LABELS.length * histogramCells(DURATION_BOUNDS_MS) +
  histogramCells(FUEL_BOUNDS) +
  histogramCells(DURATION_BOUNDS_MS) +
  REPLACEMENT_REASONS.length +
  FAILURE_CODES.length +
  2;

/** What one thread counts. */
export class ModuleCounters {
  /** All of it, in the layout of every other one. */
  readonly cells: Float64Array;
  readonly #block: CellBlock;
  readonly #durations: readonly Histogram[];
  /** Milliseconds that events wait for a worker thread. */
  readonly queueDuration: Histogram;
  readonly #fuel: Histogram;
  readonly #replacements: Float64Array;
  readonly #failures: Float64Array;
  readonly #overruns: Float64Array;
  readonly #memory: Float64Array;

  /** On cells of its own, or on those that another thread gave to this one to write to. */
  constructor(cells: Float64Array = new Float64Array(CELLS)) {
    const block = new CellBlock(cells);
    this.cells = cells;
    this.#block = block;
    this.#durations = EVENT_LABELS.map((label) => durationHistogram(block, `guest_duration ${label}`));
    this.#fuel = new Histogram(FUEL_BOUNDS, block.take(histogramCells(FUEL_BOUNDS), "guest_fuel"));
    this.queueDuration = durationHistogram(block, "queue_duration");
    this.#replacements = block.take(REPLACEMENT_REASONS.length, "instance_replacements");
    this.#failures = block.take(FAILURE_CODES.length, "failures");
    this.#overruns = block.take(1, "inline_overruns");
    this.#memory = block.take(1, null);
  }

  /**
   * @param fuelUnits null without limits
   * @param weight how many calls this one stands for
   */
  recordCall(kind: EventKind, ms: number, fuelUnits: number | null, weight: number): void {
    this.#durations[kindIndex(kind)]!.observe(ms, weight);
    if (fuelUnits !== null) this.#fuel.observe(fuelUnits, weight);
  }

  countReplacement(reason: ReplacementReason): void {
    this.#replacements[REPLACEMENT_REASONS.indexOf(reason)]!++;
  }

  countFailure(code: FailureCode): void {
    this.#failures[FAILURE_CODES.indexOf(code)]!++;
  }

  countOverrun(): void {
    this.#overruns[0]!++;
  }

  /** Of the largest instance on a worker thread; the event loop looks at its own. */
  get memoryBytes(): number {
    return this.#memory[0]!;
  }

  set memoryBytes(bytes: number) {
    this.#memory[0] = bytes;
  }

  save(): SavedCells {
    return this.#block.save();
  }

  /** Goes on from what another process has counted. */
  add(saved: SavedCells): void {
    this.#block.add(saved);
  }

  writeTo(page: MetricsPage, module: string): void {
    EVENT_LABELS.forEach((event, kind) => {
      page.addHistogram(METRICS.guestDuration, [module, event], inSeconds(this.#durations[kind]!));
    });
    const { counts, sum } = this.#fuel;
    page.addHistogram(METRICS.guestFuel, [module], { bounds: FUEL_BOUNDS, counts, sum });
    page.addHistogram(METRICS.queueDuration, [module], inSeconds(this.queueDuration));
    REPLACEMENT_REASONS.forEach((reason, i) => {
      page.add(METRICS.instanceReplacements, [module, reason], this.#replacements[i]!);
    });
    FAILURE_CODES.forEach((code, i) => {
      page.add(METRICS.failures, [module, code], this.#failures[i]!);
    });
    page.add(METRICS.inlineOverruns, [module], this.#overruns[0]!);
  }

  get overruns(): number {
    return this.#overruns[0]!;
  }

  /** Of all kinds of events together. */
  duration(): HistogramValue {
    return sumInSeconds(this.#durations);
  }

  /** Those that there were. */
  failureCounts(): Readonly<Partial<Record<FailureCode, number>>> {
    return countsBy(FAILURE_CODES, this.#failures);
  }

  /** Those that there were. */
  replacementCounts(): Readonly<Partial<Record<ReplacementReason, number>>> {
    return countsBy(REPLACEMENT_REASONS, this.#replacements);
  }
}

function countsBy<K extends string>(
  keys: readonly K[],
  counts: Float64Array,
): Readonly<Partial<Record<K, number>>> {
  const entries = keys.map((key, i) => [key, counts[i]!] as const).filter(([, count]) => count > 0);
  return Object.fromEntries(entries) as Partial<Record<K, number>>;
}

/** Of one module, on all threads; goes on over reloads. */
export class ModuleMetrics {
  /** What the event loop itself counts. */
  readonly own = new ModuleCounters();
  /** Of threads that run, and of threads that are gone, whose counts stay and whose cells the next thread goes on with. */
  readonly #lent = new Set<Float64Array>();
  readonly #free: Float64Array[] = [];

  /** Shared cells for a thread, to be given back when it has ended. */
  lend(): Float64Array {
    const cells = this.#free.pop() ?? sharedCells(CELLS);
    this.#lent.add(cells);
    return cells;
  }

  giveBack(cells: Float64Array): void {
    if (!this.#lent.delete(cells)) return;
    new ModuleCounters(cells).memoryBytes = 0;
    this.#free.push(cells);
  }

  /** Of all threads, as it is now. */
  sum(): ModuleCounters {
    return new ModuleCounters(sumOfCells([this.own.cells, ...this.#lent, ...this.#free], CELLS));
  }

  /** Linear memory of the largest instance on another thread; 0 when there is none. */
  get threadMemoryBytes(): number {
    return Math.max(0, ...[...this.#lent].map((cells) => new ModuleCounters(cells).memoryBytes));
  }
}
