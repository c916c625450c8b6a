import { describe, expect, test } from "bun:test";
import { CountedValues } from "../../../src/tools/counted-values.ts";
import { MemoryGrowth } from "../../../src/tools/memory-growth.ts";

describe("counted values", () => {
  test("tell percentiles as a sorted list of all of them would", () => {
    const values = new CountedValues();
    for (const value of [5, 1, 3, 3, 2]) values.add(value);
    expect(values.total).toBe(5);
    expect(values.percentiles([0, 0.2, 0.5, 0.8, 0.81, 1])).toEqual([1, 1, 3, 3, 5, 5]);
  });

  test("are 0 where there are none", () => {
    expect(new CountedValues().percentiles([0.5, 1])).toEqual([0, 0]);
  });
});

describe("memory growth", () => {
  const growthOf = (...bytes: number[]) => {
    const growth = new MemoryGrowth();
    for (const value of bytes) growth.record(value);
    return growth;
  };

  test("is taken over the second half, when a guest has settled", () => {
    expect(growthOf(100, 900, 900, 900, 900).bytesPerCall()).toBe(0);
    expect(growthOf(0, 0, 10, 20, 30).bytesPerCall()).toBe(10);
    expect(growthOf(0, 0, 0, 0, 64).bytesPerCall()).toBe(32);
  });

  test("is nothing for a guest that was hardly asked", () => {
    expect([growthOf().bytesPerCall(), growthOf().lastBytes]).toEqual([0, null]);
    expect([growthOf(7).bytesPerCall(), growthOf(7).lastBytes]).toEqual([0, 7]);
  });
});
