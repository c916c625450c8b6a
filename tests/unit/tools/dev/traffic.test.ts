/** Seconds of traffic, as charts and status line show them. */

import { expect, test } from "bun:test";
import { Traffic } from "../../../../src/tools/dev/traffic.ts";

function trafficAt(clock: { nowMs: number }): Traffic {
  return new Traffic(() => clock.nowMs);
}

test("each second counts its own decisions and latencies", () => {
  const clock = { nowMs: 10_500 };
  const traffic = trafficAt(clock);
  for (let us = 1; us <= 100; us++) traffic.add("allow", us);
  clock.nowMs = 12_000;
  traffic.add("block", 7);
  expect(traffic.since(0)).toEqual([
    { second: 10, allow: 100, block: 0, redirect: 0, failed: 0, p50Us: 51, p99Us: 100 },
    { second: 12, allow: 0, block: 1, redirect: 0, failed: 0, p50Us: 7, p99Us: 7 },
  ]);
  expect(traffic.since(11).map(({ second }) => second)).toEqual([12]);
});

test("two minutes are remembered, the totals for ever", () => {
  const clock = { nowMs: 0 };
  const traffic = trafficAt(clock);
  for (let second = 0; second < 300; second++) {
    clock.nowMs = second * 1000;
    traffic.add("failed", 1);
  }
  expect(traffic.since(0)).toHaveLength(120);
  expect(traffic.totals).toEqual({ allow: 0, block: 0, redirect: 0, failed: 300 });
});

test("a busy second keeps a bounded number of latencies and a fair picture of them", () => {
  const traffic = trafficAt({ nowMs: 0 });
  for (let i = 0; i < 100_000; i++) traffic.add("allow", i % 1000);
  const [second] = traffic.since(0);
  expect(second?.allow).toBe(100_000);
  expect(second?.p50Us).toBeWithin(400, 600);
  expect(second?.p99Us).toBeGreaterThan(950);
});
