/** The state of a serving process as one JSON object: docs/schema/status.json describes it. */

import type { AdminLogLevel } from "../telemetry/admin/admin-target.ts";
import type { HistogramValue } from "../telemetry/metrics/metrics-page.ts";
import type { AgentFacts } from "./agent-facts.ts";
import type { AgentMetrics } from "./agent-metrics.ts";
import { type AgentPhase, readinessChecks } from "./health.ts";
import type { Settings } from "./settings.ts";

export interface StatusSources {
  readonly version: string;
  readonly settings: Settings;
  readonly metrics: AgentMetrics;
  readonly phase: AgentPhase;
  readonly facts: AgentFacts | null;
  readonly logLevel: AdminLogLevel;
}

const MS_PER_SECOND = 1000;

/** Times and counts since the start. Paths and digests are in it; nothing of events, and no configuration. */
export function describeStatus({
  version,
  settings,
  metrics,
  phase,
  facts,
  logLevel,
}: StatusSources): object {
  const checks = readinessChecks(phase, facts);
  const counters = metrics.module.sum();
  const { events, connections } = metrics.loop;
  return {
    version,
    bun: Bun.version,
    pid: process.pid,
    started_at: new Date(performance.timeOrigin).toISOString(),
    uptime_seconds: Math.round(performance.now()) / MS_PER_SECOND,
    phase,
    ready: checks.every(({ isGood }) => isGood),
    checks: checks.map(({ name, isGood, fact }) => ({ name, ok: isGood, fact })),
    socket: settings.socketPath,
    module: {
      name: metrics.moduleName,
      path: settings.modulePath,
      ...(facts === null ? {} : loadedModule(facts)),
    },
    fail_policy: (facts?.failOpen ?? settings.failOpen) ? "fail-open" : "fail-closed",
    pool_size: facts?.poolSize ?? settings.poolSize,
    instances: facts?.instances ?? { idle: 0, busy: 0, empty: 0 },
    threads: facts?.threads ?? 0,
    memory: {
      resident_bytes: process.memoryUsage.rss(),
      guest_bytes: facts?.memoryBytes ?? 0,
      guest_limit_bytes: facts?.memoryLimitBytes ?? null,
    },
    cpu_seconds: cpuSeconds(),
    events: {
      in_flight: facts?.eventsInFlight ?? 0,
      cancelled: events.cancelled,
      answered: events.outcomes().map(({ decidedBy, ...outcome }) => ({ ...outcome, decided_by: decidedBy })),
      duration: histogram(events.duration()),
    },
    guest: {
      duration: histogram(counters.duration()),
      failures: counters.failureCounts(),
      replacements: counters.replacementCounts(),
      inline_overruns: counters.overruns,
    },
    connections: connections.open(),
    buffered_bytes: facts?.bufferedBytes ?? 0,
    takeovers: facts?.takeovers ?? 0,
    exchanges: facts?.exchanges.open ?? 0,
    reloads: { ...metrics.reloads, last_successful: metrics.isLastLoadGood },
    config_pushes: metrics.configPushes,
    log_level: logLevel,
  };
}

function loadedModule({ sha256, abi, loadedAtMs, memoryLimitBytes }: AgentFacts): object {
  return {
    sha256,
    abi,
    source: "file",
    loaded_at: new Date(loadedAtMs).toISOString(),
    limits: memoryLimitBytes !== null,
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Of each range alone; the last is above all bounds. */
function histogram({ bounds, counts, sum }: HistogramValue): object {
  return { bounds_seconds: bounds, counts: Array.from(counts), sum_seconds: sum };
}
