import { expect, test } from "bun:test";
import type { AgentFacts } from "../../../src/agent/agent-facts.ts";
import { readinessChecks } from "../../../src/agent/health.ts";

const FACTS: AgentFacts = {
  sha256: "0".repeat(64),
  abi: "json",
  loadedAtMs: 0,
  failOpen: false,
  poolSize: 4,
  memoryLimitBytes: 67_108_864,
  instances: { idle: 4, busy: 0, empty: 0 },
  canServe: true,
  threads: 0,
  memoryBytes: 0,
  guestMetrics: [],
  eventsInFlight: 0,
  bufferedBytes: 0,
  bufferPauses: 0,
  takeovers: 0,
  exchanges: { open: 0, opened: 0, ended: { finished: 0, superseded: 0, idle: 0, evicted: 0, closed: 0 } },
  isConfigured: true,
};

function bad(...[phase, facts]: Parameters<typeof readinessChecks>): string[] {
  return readinessChecks(phase, facts)
    .filter(({ isGood }) => !isGood)
    .map(({ name }) => name);
}

test("an agent that serves is ready", () => {
  expect(bad("serving", FACTS)).toEqual([]);
});

test("one that starts is not, and nothing is there yet", () => {
  expect(bad("starting", null)).toEqual(["module", "socket", "instance", "serving"]);
});

test("one that drains is not, whatever else is good", () => {
  expect(bad("draining", FACTS)).toEqual(["serving"]);
});

test("one without an instance is not, unless one may be made at once", () => {
  const none = { idle: 0, busy: 0, empty: 4 };
  expect(bad("serving", { ...FACTS, instances: none, canServe: false })).toEqual(["instance"]);
  expect(bad("serving", { ...FACTS, instances: none })).toEqual([]);
});

test("one whose module refused the proxy's configuration is not", () => {
  expect(bad("serving", { ...FACTS, isConfigured: false })).toEqual(["configuration"]);
});
