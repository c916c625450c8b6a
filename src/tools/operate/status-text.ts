/** The state of an agent, for people. Names and paths are other people's text, so lines are escaped. */

import { escapeInvisible } from "../../telemetry/hostile-text.ts";
import { showMicroseconds } from "../dev/screen/show-duration.ts";
import { showBytes } from "../show-bytes.ts";
import type { AgentStatus } from "./agent-status.ts";
import { type Quantiles, quantilesOf } from "./rates.ts";
import { showNumber, showUptime } from "./show-number.ts";

const NAME_WIDTH = 12;

/** Lines without their ends; the first says whether all is well. */
export function statusText(status: AgentStatus): string[] {
  const { module, instances, memory, connections, reloads, guest, events } = status;
  const bad = status.checks.filter(({ ok }) => !ok);
  const facts: [string, string][] = [
    ["process", `${status.version}, pid ${status.pid}, up ${showUptime(status.uptime_seconds)}`],
    ["module", `${module.path}${module.abi === undefined ? ", not loaded" : `, ${module.abi}`}`],
    ...(module.sha256 === undefined
      ? []
      : ([["", `sha256 ${module.sha256.slice(0, 16)}, loaded ${module.loaded_at}`]] as [string, string][])),
    ["socket", `${status.socket}, connections ${connections.v1} v1, ${connections.v2} v2`],
    [
      "instances",
      `${instances.idle} idle, ${instances.busy} busy, ${instances.empty} empty; ${status.threads} threads`,
    ],
    ["memory", `${showBytes(memory.resident_bytes)} resident; an instance ${instanceMemory(memory)}`],
    ["events", answeredText(status)],
    ["latency", latencyText(quantilesOf(events.duration))],
    ["in guests", latencyText(quantilesOf(guest.duration))],
    ["failures", countsText(guest.failures)],
    [
      "reloads",
      `${reloads.success} good, ${reloads.failure} failed${reloads.last_successful ? "" : "; the last one failed, the module before serves on"}`,
    ],
    ["policy", status.fail_policy],
  ];
  return [
    bad.length === 0 ? "ready" : "not ready",
    ...bad.map(({ name, fact }) => `  - ${name}: ${fact}`),
    ...facts.map(([name, text]) => `${name.padEnd(NAME_WIDTH)}${text}`),
  ].map(escapeInvisible);
}

function answeredText({ events }: AgentStatus): string {
  const totals = { allow: 0, block: 0, redirect: 0, failed: 0 };
  for (const { decision, decided_by, count } of events.answered) {
    totals[decided_by === "fail_policy" ? "failed" : decision] += count;
  }
  const parts = Object.entries(totals).map(([name, count]) => `${showNumber(count)} ${name}`);
  return `${parts.join(", ")}; ${showNumber(events.in_flight)} in flight`;
}

function latencyText(quantiles: Quantiles | null): string {
  if (quantiles === null) return "nothing yet";
  return `p50 ${showMicroseconds(quantiles.p50 * 1e6)}, p99 ${showMicroseconds(quantiles.p99 * 1e6)}`;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  return entries.length === 0
    ? "none"
    : entries.map(([code, count]) => `${code} ${showNumber(count)}`).join(", ");
}

function instanceMemory({ guest_bytes, guest_limit_bytes }: AgentStatus["memory"]): string {
  const limit = guest_limit_bytes === null ? "without a limit" : `of ${showBytes(guest_limit_bytes)}`;
  return `${showBytes(guest_bytes)} ${limit}`;
}
