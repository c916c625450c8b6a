/** Metrics of guests, summed up over threads. */

import { expect, test } from "bun:test";
import { HISTOGRAM_BOUNDS, makeMetricMemory, MetricStore } from "../../../src/host/metric-store.ts";

test("two views of the same memory, as two threads have them, have the same metrics", () => {
  const memory = makeMetricMemory();
  const [one, two] = [new MetricStore(memory), new MetricStore(memory)];
  const id = one.define("counter", "hits")!;
  expect(two.define("counter", "hits")).toBe(id);
  expect(two.define("gauge", "level")).toBe(id + 1);
  expect(one.define("gauge", "level")).toBe(id + 1);
  one.increment(id, 2n);
  two.increment(id, 3n);
  expect(one.read(id)).toBe(5n);
});

test("names may hold anything, and are told apart from kinds", () => {
  const store = new MetricStore(makeMetricMemory());
  const names = ["", "a b", "counter x", "\n", "ü", "__proto__"];
  const ids = names.flatMap((name) => [store.define("counter", name), store.define("gauge", name)]);
  expect(new Set(ids).size).toBe(names.length * 2);
  expect(store.list().map(({ name }) => name)).toEqual(names.flatMap((name) => [name, name]));
});

test("a histogram counts each value in the bucket it belongs to", () => {
  const store = new MetricStore(makeMetricMemory());
  const id = store.define("histogram", "time")!;
  for (const value of [0n, 1n, 2n, 5n, 6n, 10_000_000n]) store.record(id, value);
  const [reading] = store.list();
  expect(reading).toMatchObject({ kind: "histogram", count: 6n, sum: 10_000_014n });
  if (reading?.kind !== "histogram") throw new Error("no histogram");
  expect(reading.buckets).toHaveLength(HISTOGRAM_BOUNDS.length + 1);
  expect(reading.buckets.slice(0, 3)).toEqual([2n, 2n, 1n]);
  expect(reading.buckets.at(-1)).toBe(1n);
});

test("what is too long or too much has no metric", () => {
  const store = new MetricStore(makeMetricMemory());
  expect(store.define("counter", "x".repeat(513))).toBeNull();
  for (let i = 0; i < 2048; i++) expect(store.define("counter", `m${i}`)).toBe(i + 1);
  expect(store.define("counter", "one more")).toBeNull();
  expect(store.increment(2049, 1n)).toBe("unknown");
});
