/** The state of an agent that serves, as far as a test does not say otherwise. */

import type { AgentStatus } from "../../../../src/tools/operate/agent-status.ts";

const NOTHING = { bounds_seconds: [0.001], counts: [0, 0] };

export interface SampleFacts {
  readonly uptime_seconds?: number;
  readonly cpu_seconds?: number;
  readonly answered?: AgentStatus["events"]["answered"];
  readonly failures?: Readonly<Record<string, number>>;
  readonly checks?: AgentStatus["checks"];
  readonly path?: string;
}

export function sampleStatus(facts: SampleFacts = {}): AgentStatus {
  const { checks = [{ name: "module", ok: true, fact: "loaded" }], path = "/srv/policy.wasm" } = facts;
  return {
    version: "1.0.0",
    pid: 1,
    uptime_seconds: facts.uptime_seconds ?? 3700,
    phase: "serving",
    ready: checks.every(({ ok }) => ok),
    checks,
    socket: "/run/agent.sock",
    module: { name: "policy", path, sha256: "ab".repeat(32), abi: "json", loaded_at: "2026-01-01T00:00:00Z" },
    fail_policy: "fail-closed",
    pool_size: 4,
    instances: { idle: 3, busy: 1, empty: 0 },
    threads: 0,
    memory: {
      resident_bytes: 90 * 1024 * 1024,
      guest_bytes: 1024 * 1024,
      guest_limit_bytes: 64 * 1024 * 1024,
    },
    cpu_seconds: facts.cpu_seconds ?? 0,
    events: { in_flight: 0, cancelled: 0, answered: facts.answered ?? [], duration: NOTHING },
    guest: { duration: NOTHING, failures: facts.failures ?? {}, replacements: {}, inline_overruns: 0 },
    connections: { v1: 0, v2: 4, unknown: 0 },
    buffered_bytes: 0,
    takeovers: 0,
    exchanges: 0,
    reloads: { success: 0, failure: 0, last_successful: true },
    log_level: "info",
  };
}
