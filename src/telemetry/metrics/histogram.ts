/**
 * Counts how often values fell into each of some fixed ranges. Its numbers lie in cells that it is given, so that they can
 * be read, and added up, without it.
 */

import type { CellBlock } from "./cell-block.ts";

/** Upper bounds in milliseconds: 5 µs to 2.5 s. Most events take some microseconds, and the worst ones a second. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500,
];

/** A cell for each bound, one for what is above all of them, and the sum. */
export function histogramCells(bounds: readonly number[]): number {
  return bounds.length + 2;
}

/** Of `DURATION_BOUNDS_MS`, in the next cells of a block. */
export function durationHistogram(block: CellBlock, name: string): Histogram {
  return new Histogram(DURATION_BOUNDS_MS, block.take(histogramCells(DURATION_BOUNDS_MS), name));
}

export class Histogram {
  readonly #bounds: Float64Array;
  readonly #cells: Float64Array;

  /** `cells`: as many as `histogramCells` says. */
  constructor(bounds: readonly number[], cells: Float64Array) {
    this.#bounds = Float64Array.from(bounds);
    this.#cells = cells;
  }

  /** Not cumulative: the values in each range alone, with those above all bounds as the last. */
  get counts(): Float64Array {
    return this.#cells.subarray(0, this.#bounds.length + 1);
  }

  get sum(): number {
    return this.#cells[this.#bounds.length + 1]!;
  }

  /** @param weight how many values this one stands for */
  observe(value: number, weight = 1): void {
    const bounds = this.#bounds;
    const cells = this.#cells;
    let range = 0;
    // Small values are the common ones, so they are found first.
    while (range < bounds.length && value > bounds[range]!) range++;
    cells[range]! += weight;
    cells[bounds.length + 1]! += value * weight;
  }
}
