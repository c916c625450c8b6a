/** What two looks at an agent's state say of the time in between. */

import { expect, test } from "bun:test";
import type { AgentStatus } from "../../../../src/tools/operate/agent-status.ts";
import { quantilesOf, ratesBetween } from "../../../../src/tools/operate/rates.ts";
import { sampleStatus } from "./sample-status.ts";

const BOUNDS = [0.001, 0.01, 0.1];

function answered(allow: number, block: number, failed: number): AgentStatus["events"]["answered"] {
  return [
    { event: "request_headers", decision: "allow", decided_by: "guest", count: allow },
    { event: "request_headers", decision: "block", decided_by: "guest", count: block },
    { event: "response_headers", decision: "block", decided_by: "fail_policy", count: failed },
  ];
}

test("counts that grew become rates and shares; what the failure policy decided counts as failed", () => {
  const before = sampleStatus({ uptime_seconds: 10, cpu_seconds: 1, answered: answered(100, 10, 1) });
  const now = sampleStatus({
    uptime_seconds: 12,
    cpu_seconds: 2,
    answered: answered(160, 40, 11),
    failures: { "guest-trap": 4 },
  });
  const rates = ratesBetween(before, now);
  expect(rates).toMatchObject({
    seconds: 2,
    eventsPerSecond: 50,
    shares: { allow: 0.6, block: 0.3, redirect: 0, failed: 0.1 },
    processors: 0.5,
  });
  expect([...rates.byEvent]).toEqual([
    ["request_headers", 45],
    ["response_headers", 5],
  ]);
  expect([...rates.failures]).toEqual([["guest-trap", 2]]);
});

test("an agent that was restarted in between shows nothing negative", () => {
  const before = sampleStatus({ uptime_seconds: 100, cpu_seconds: 9, answered: answered(100, 10, 1) });
  const now = sampleStatus({ uptime_seconds: 1, cpu_seconds: 1, answered: answered(5, 0, 0) });
  const rates = ratesBetween(before, now);
  expect([rates.eventsPerSecond, rates.processors]).toEqual([0, 0]);
});

test("quantiles lie within their range, and those above all bounds count as the last one", () => {
  expect(quantilesOf({ bounds_seconds: BOUNDS, counts: [0, 0, 0, 0] })).toBeNull();
  expect(quantilesOf({ bounds_seconds: BOUNDS, counts: [100, 0, 0, 0] })).toEqual({
    p50: 0.0005,
    p99: 0.00099,
  });
  expect(quantilesOf({ bounds_seconds: BOUNDS, counts: [0, 0, 0, 7] })).toEqual({ p50: 0.1, p99: 0.1 });
  const spread = quantilesOf({ bounds_seconds: BOUNDS, counts: [90, 9, 1, 0] });
  expect(spread?.p50).toBeLessThan(0.001);
  expect(spread?.p99).toBeCloseTo(0.01);
});
