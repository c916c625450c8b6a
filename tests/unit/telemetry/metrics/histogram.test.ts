import { expect, test } from "bun:test";
import {
  DURATION_BOUNDS_MS,
  Histogram,
  histogramCells,
} from "../../../../src/telemetry/metrics/histogram.ts";

const BOUNDS = [1, 10, 100];

function histogram(): Histogram {
  return new Histogram(BOUNDS, new Float64Array(histogramCells(BOUNDS)));
}

test("a value falls into the first range whose bound is not below it", () => {
  const values = histogram();
  for (const value of [0, 1, 1.01, 10, 100, 100.5, 1e9]) values.observe(value);
  expect([...values.counts]).toEqual([2, 2, 1, 2]);
});

test("the sum is that of the values", () => {
  const values = histogram();
  values.observe(0.5);
  values.observe(50);
  expect(values.sum).toBe(50.5);
});

test("a value that stands for several counts as often", () => {
  const values = histogram();
  values.observe(2, 16);
  expect([...values.counts]).toEqual([0, 16, 0, 0]);
  expect(values.sum).toBe(32);
});

test("it goes on with what its cells hold already", () => {
  const cells = new Float64Array(histogramCells(BOUNDS));
  new Histogram(BOUNDS, cells).observe(5);
  const later = new Histogram(BOUNDS, cells);
  later.observe(5);
  expect([...later.counts]).toEqual([0, 2, 0, 0]);
});

test("bounds of durations ascend, from microseconds to seconds", () => {
  expect([...DURATION_BOUNDS_MS].sort((a, b) => a - b)).toEqual([...DURATION_BOUNDS_MS]);
  expect(DURATION_BOUNDS_MS.at(0)).toBe(0.005);
  expect(DURATION_BOUNDS_MS.at(-1)).toBe(2500);
});
