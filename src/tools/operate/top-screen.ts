/** One picture of a running agent: what it does now, in as many lines and columns as there are. */

import { escapeInvisible } from "../../telemetry/hostile-text.ts";
import { cut } from "../dev/screen/decision-row.ts";
import type { Paint, Style } from "../dev/screen/paint.ts";
import { showMicroseconds } from "../dev/screen/show-duration.ts";
import { showBytes } from "../show-bytes.ts";
import type { AgentStatus } from "./agent-status.ts";
import type { Quantiles, Rates } from "./rates.ts";
import { showNumber, showShare, showUptime } from "./show-number.ts";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

const NAME_WIDTH = 12;
const COUNT_WIDTH = 12;
/** Of the bar that shows events a second. */
const MAX_BAR = 30;

type StyledLine = readonly [style: Style | null, text: string];

/** Exactly `rows` lines, none wider than `columns`. */
export function topScreen(status: AgentStatus, rates: Rates, { columns, rows, paint }: Screen): string[] {
  const lines: StyledLine[] = [
    ...head(status),
    ...plain(["", ...now(status, rates), "", ...eventTable(rates), ...failureTable(status, rates)]),
  ].slice(0, rows - 1);
  while (lines.length < rows - 1) lines.push([null, ""]);
  lines.push(["dim", "q quit   space pause"]);
  return lines.map(([style, text]) => {
    const shown = cut(text, columns);
    return style === null ? shown : paint(style, shown);
  });
}

/** One line for a reader that is no terminal; `head` names its columns. */
export const PLAIN_HEAD =
  "time      events/s   block%  redir%   fail%       p50       p99  inflight  conns  cpu%  resident";

export function plainLine(status: AgentStatus, rates: Rates): string {
  const { shares, duration } = rates;
  const percent = (share: number) => (share * 100).toFixed(1);
  const { connections } = status;
  return [
    new Date().toTimeString().slice(0, 8),
    rates.eventsPerSecond.toFixed(0).padStart(9),
    percent(shares.block).padStart(8),
    percent(shares.redirect).padStart(7),
    percent(shares.failed).padStart(7),
    quantileText(duration, "p50").padStart(9),
    quantileText(duration, "p99").padStart(9),
    String(status.events.in_flight).padStart(9),
    String(connections.v1 + connections.v2 + connections.unknown).padStart(6),
    (rates.processors * 100).toFixed(0).padStart(5),
    showBytes(status.memory.resident_bytes).padStart(9),
  ].join(" ");
}

function head(status: AgentStatus): StyledLine[] {
  const { module } = status;
  const bad = status.checks.filter(({ ok }) => !ok);
  const name = module.path.split("/").at(-1) ?? "";
  const facts = [
    `sentinel-wasm-agent ${status.version}`,
    bad.length === 0 ? "ready" : "NOT READY",
    `up ${showUptime(status.uptime_seconds)}`,
    `${name}${module.sha256 === undefined ? "" : ` ${module.sha256.slice(0, 8)}`}`,
    status.fail_policy,
    `pid ${status.pid}`,
  ];
  return [
    ["bold", escapeInvisible(facts.join("  "))],
    ...bad.map(({ name: check, fact }) => ["red", escapeInvisible(`  ${check}: ${fact}`)] as const),
  ];
}

function plain(lines: readonly string[]): StyledLine[] {
  return lines.map((text) => [null, escapeInvisible(text)]);
}

function now(status: AgentStatus, rates: Rates): string[] {
  const { shares } = rates;
  const { instances, connections, memory } = status;
  const limit = memory.guest_limit_bytes;
  return [
    row(
      "events/s",
      showNumber(rates.eventsPerSecond),
      `${showNumber(status.events.in_flight)} in flight, ${showNumber(status.exchanges)} exchanges open`,
    ),
    row(
      "verdicts",
      `allow ${showShare(shares.allow)}`,
      `block ${showShare(shares.block)}, redirect ${showShare(shares.redirect)}, failed ${showShare(shares.failed)}`,
    ),
    row(
      "latency",
      quantileText(rates.duration, "p50"),
      `p99 ${quantileText(rates.duration, "p99")}; in the module ${quantileText(rates.guestDuration, "p50")}, p99 ${quantileText(rates.guestDuration, "p99")}`,
    ),
    row(
      "instances",
      `${instances.busy} busy`,
      `${instances.idle} idle, ${instances.empty} empty, ${status.threads} threads, ${showNumber(rates.replacementsPerSecond)} replaced a second`,
    ),
    row(
      "memory",
      showBytes(memory.resident_bytes),
      `an instance ${showBytes(memory.guest_bytes)}${limit === null ? "" : ` of ${showBytes(limit)}`}, buffers ${showBytes(status.buffered_bytes)}`,
    ),
    row("processors", rates.processors.toFixed(2), `connections ${connections.v1} v1, ${connections.v2} v2`),
  ];
}

function eventTable({ byEvent }: Rates): string[] {
  const largest = Math.max(1, ...byEvent.values());
  const lines = [...byEvent].map(([event, perSecond]) => {
    const bar = "▇".repeat(Math.round((perSecond / largest) * MAX_BAR));
    return `${event.padEnd(NAME_WIDTH + COUNT_WIDTH)}${showNumber(perSecond).padStart(COUNT_WIDTH)}  ${bar}`;
  });
  return lines.length === 0 ? ["no events yet"] : ["events a second, by kind", ...lines];
}

function failureTable({ guest }: AgentStatus, { failures }: Rates): string[] {
  const entries = Object.entries(guest.failures).toSorted(([, a], [, b]) => b - a);
  if (entries.length === 0) return [];
  return [
    "",
    "failures, a second and since the start",
    ...entries.map(
      ([code, count]) =>
        `${code.padEnd(NAME_WIDTH + COUNT_WIDTH)}${showNumber(failures.get(code) ?? 0).padStart(COUNT_WIDTH)}${showNumber(count).padStart(COUNT_WIDTH)}`,
    ),
  ];
}

function row(name: string, value: string, more: string): string {
  return `${name.padEnd(NAME_WIDTH)}${value.padEnd(COUNT_WIDTH)}  ${more}`;
}

function quantileText(quantiles: Quantiles | null, which: keyof Quantiles): string {
  return quantiles === null ? "-" : showMicroseconds(quantiles[which] * 1e6);
}
