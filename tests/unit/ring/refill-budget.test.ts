import { describe, expect, test } from "bun:test";
import { RefillBudget } from "../../../src/ring/refill-budget.ts";

describe("instances that can be made", () => {
  test("are made at once while there is credit: a few poison requests cost nobody anything", () => {
    const budget = new RefillBudget(0);
    for (let i = 0; i < 20; i++) {
      expect(budget.remainingMs(0)).toBe(0);
      budget.recordMade(4.9, 0);
    }
  });

  test("wait once a hundred milliseconds of work were spent on them", () => {
    const budget = new RefillBudget(0);
    budget.recordMade(130, 0);
    // 30 ms of debt, of which every millisecond that passes pays half.
    expect(budget.remainingMs(0)).toBeCloseTo(60);
    expect(budget.remainingMs(40)).toBeCloseTo(20);
    expect(budget.remainingMs(61)).toBe(0);
  });

  test("never get more than half of the time in a storm", () => {
    const budget = new RefillBudget(0);
    let nowMs = 0;
    let spentMs = 0;
    while (nowMs < 60_000) {
      const pauseMs = budget.remainingMs(nowMs);
      if (pauseMs > 0) {
        nowMs += pauseMs;
        continue;
      }
      nowMs += 10;
      spentMs += 10;
      budget.recordMade(10, nowMs);
    }
    expect(spentMs).toBeLessThan(60_000 * 0.5 + 100 + 20);
    expect(spentMs).toBeGreaterThan(60_000 * 0.4);
  });

  test("are paid for by the events that instances answer before they are lost, however fast these come", () => {
    const budget = new RefillBudget(0);
    for (let i = 0; i < 1000; i++) {
      budget.recordAnswered(99);
      expect(budget.remainingMs(0)).toBe(0);
      budget.recordMade(0.98, 0);
    }
    // Without them the credit is soon used up.
    for (let i = 0; i < 104; i++) budget.recordMade(0.98, 0);
    expect(budget.remainingMs(0)).toBeGreaterThan(0);
  });

  test("are not paid for by a few", () => {
    const budget = new RefillBudget(0);
    let made = 0;
    for (; budget.remainingMs(0) === 0 && made < 1000; made++) {
      budget.recordAnswered(9);
      budget.recordMade(1, 0);
    }
    // The credit of the start, and a tenth of each by the nine.
    expect(made).toBeLessThan(115);
  });

  test("get three quarters of the time in a storm that good events pay for", () => {
    const budget = new RefillBudget(0);
    const eventMs = 0.01;
    let nowMs = 0;
    let spentMs = 0;
    let answered = 0;
    while (nowMs < 60_000) {
      if (budget.remainingMs(nowMs) > 0) {
        nowMs += eventMs;
        answered++;
        continue;
      }
      budget.recordAnswered(answered);
      answered = 0;
      nowMs += 1;
      spentMs += 1;
      budget.recordMade(1, nowMs);
    }
    expect(spentMs / nowMs).toBeGreaterThan(0.7);
    expect(spentMs / nowMs).toBeLessThan(0.78);
  });

  test("are charged what they usually cost: a collector's pause that falls into one is not its fault", () => {
    const budget = new RefillBudget(0);
    for (let i = 0; i < 50; i++) budget.recordMade(1, 0);
    budget.recordMade(80, 0);
    expect(budget.remainingMs(0)).toBe(0);
    for (let i = 0; i < 30; i++) budget.recordMade(1, 0);
    expect(budget.remainingMs(0)).toBe(0);
  });

  test("are charged what they cost on average where that is now little and now much", () => {
    const budget = new RefillBudget(0);
    let nowMs = 0;
    let spentMs = 0;
    for (let i = 0; nowMs < 60_000; i++) {
      nowMs += budget.remainingMs(nowMs);
      const costMs = i % 2 === 0 ? 0.06 : 2;
      nowMs += costMs;
      spentMs += costMs;
      budget.recordMade(costMs, nowMs);
    }
    expect(spentMs / nowMs).toBeLessThan(0.53);
  });

  test("save up no more credit in quiet times than they started with", () => {
    const budget = new RefillBudget(0);
    budget.recordAnswered(1_000_000);
    budget.recordMade(100, 3_600_000);
    budget.recordMade(1, 3_600_000);
    expect(budget.remainingMs(3_600_000)).toBeGreaterThan(0);
  });
});

describe("instances that cannot be made", () => {
  test("are tried again after pauses that double from 10 ms to 5 s", () => {
    const budget = new RefillBudget(0);
    const pauses = Array.from({ length: 12 }, () => {
      budget.recordFailedStart(0, 1_000);
      return budget.remainingMs(1_000);
    });
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000]);
  });

  test("have their pause counted from the failure", () => {
    const budget = new RefillBudget(0);
    budget.recordFailedStart(0, 1_000);
    expect(budget.remainingMs(1_004)).toBe(6);
    expect(budget.remainingMs(1_011)).toBe(0);
  });

  test("are charged for what they took all the same, and pay no debt", () => {
    const budget = new RefillBudget(0);
    budget.recordFailedStart(300, 0);
    expect(budget.remainingMs(0)).toBe(400);
    budget.recordFailedStart(0, 0);
    expect(budget.remainingMs(0)).toBe(400);
  });

  test("are forgiven by the first that can", () => {
    const budget = new RefillBudget(0);
    for (let i = 0; i < 5; i++) budget.recordFailedStart(0, 0);
    budget.recordMade(1, 0);
    expect(budget.remainingMs(0)).toBe(0);
    budget.recordFailedStart(0, 0);
    expect(budget.remainingMs(0)).toBe(10);
  });
});
