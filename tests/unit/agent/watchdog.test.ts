import { expect, test } from "bun:test";
import { watchdogIntervalMs } from "../../../src/agent/watchdog.ts";

const PID = 4711;

test("systemd is told at half of its time", () => {
  expect(watchdogIntervalMs({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "4711" }, PID)).toBe(15_000);
  expect(watchdogIntervalMs({ WATCHDOG_USEC: "1000" }, PID)).toBe(1);
});

test.each([
  ["there is no watchdog", {}],
  ["another process is watched", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }],
  ["the time is no number", { WATCHDOG_USEC: "soon" }],
  ["the time is zero", { WATCHDOG_USEC: "0" }],
])("nobody is told when %s", (_when, env) => {
  expect(watchdogIntervalMs(env, PID)).toBeNull();
});
