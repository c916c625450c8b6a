import { describe, expect, test } from "bun:test";
import { CostJudge } from "../../../src/ring/cost-judge.ts";

function judgeOf(...costs: number[]): CostJudge {
  const judge = new CostJudge();
  for (const units of costs) judge.recordCost(units);
  return judge;
}

const times = (count: number, units: number): number[] => Array.from({ length: count }, () => units);

test("a module counts as light until it has shown otherwise", () => {
  expect(judgeOf().isHeavy(0)).toBe(false);
  expect(judgeOf(...times(1000, 100_000)).isHeavy(0)).toBe(false);
});

test("one slow call says nothing about a module", () => {
  expect(judgeOf(...times(100, 100_000), 40_000_000).isSlow).toBe(false);
});

test("calls that take longer than a hop to another thread make it heavy", () => {
  expect(judgeOf(...times(100, 4_000_000)).isSlow).toBe(true);
});

test("it is light again only when its calls are clearly cheaper: no wavering at the border", () => {
  const judge = judgeOf(...times(100, 4_000_000));
  for (const units of times(200, 1_600_000)) judge.recordCost(units);
  expect(judge.isSlow).toBe(true);
  for (const units of times(200, 100_000)) judge.recordCost(units);
  expect(judge.isSlow).toBe(false);
});

describe("an overrun", () => {
  test("makes a module heavy for two seconds", () => {
    const judge = judgeOf();
    judge.recordOverrun(10_000);
    expect(judge.isSlow).toBe(false);
    expect(judge.isHeavy(10_000)).toBe(true);
    expect(judge.isHeavy(11_999)).toBe(true);
    expect(judge.isHeavy(12_000)).toBe(false);
  });
});

test("the first call is measured, and then one in sixteen", () => {
  const judge = judgeOf();
  const measured = Array.from({ length: 33 }, () => judge.wantsSample());
  expect(measured.flatMap((isMeasured, call) => (isMeasured ? [call] : []))).toEqual([0, 16, 32]);
});
