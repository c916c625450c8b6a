/** What `call` prints: the verdict, what it changes, what the guest wrote and what it cost. */

import type { Answer } from "../tools/bench-guest.ts";
import { showDecision } from "../tools/compare-outcomes.ts";
import { writeEvent } from "../telemetry/recording/event-json.ts";
import type { GuestLine } from "../tools/guest-lines.ts";
import { type HeaderChange, headerDiff } from "../tools/header-diff.ts";
import {
  isFailure,
  type Outcome,
  type OutcomeJson,
  writeOutcome,
} from "../telemetry/recording/outcome-json.ts";
import type { RepeatReport } from "../tools/repeat-calls.ts";
import { showBytes } from "../tools/show-bytes.ts";
import type { HeadersEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { HeaderOp } from "../event/header-ops.ts";
import { capText, escapeInvisible, printableJson } from "../telemetry/hostile-text.ts";
import type { Paint, Style } from "./paint.ts";

export interface CallReport {
  readonly event: HeadersEvent;
  readonly isHandled: boolean;
  /** Of the first call. */
  readonly answer: Answer;
  readonly lines: readonly GuestLine[];
  /** Function name -> how often it was called and refused, by the start of the instance and the first call. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Null when one call was all that was asked for. */
  readonly repeated: RepeatReport | null;
}

/** Clients and guests choose most of what is shown. */
const MAX_TEXT_LENGTH = 2000;
const LABEL_WIDTH = 10;
const LISTS = ["tags", "rule_ids", "reason_codes"] as const;
const VALUES = ["confidence", "custom", "routing_metadata"] as const;

export function jsonCallReport({ event, isHandled, answer, lines, refusals, repeated }: CallReport): string {
  const report = {
    event: writeEvent(event),
    handled: isHandled,
    outcome: writeOutcome(answer.outcome),
    log: lines,
    refused: [...refusals].map(([name, calls]) => ({ function: name, calls })),
    us: Math.round(answer.us),
    fuel: answer.fuel,
    memory_bytes: answer.memoryBytes,
    ...(repeated === null ? {} : { repeated: repeatedJson(repeated) }),
  };
  return `${printableJson(report, 2)}\n`;
}

function repeatedJson(report: RepeatReport): object {
  return {
    calls: report.calls,
    us: report.us,
    fuel: report.fuel,
    memory_bytes: report.memoryBytes,
    growth_bytes_per_call: report.growthBytesPerCall,
    decisions: Object.fromEntries(report.decisions),
    failure: report.failure === null ? null : writeOutcome(report.failure),
  };
}

export function textCallReport(report: CallReport, paint: Paint): string {
  const { event, isHandled, answer, lines, refusals, repeated } = report;
  const outcome = writeOutcome(answer.outcome);
  const style = decisionStyle(outcome);
  const text = [
    `${shown(eventTitle(event))} → ${paint("bold", paint(style, shown(showDecision(outcome))))}`,
    ...(isHandled ? [] : [`  ${paint("dim", "the module has no handler for this event, so it is allowed")}`]),
    ...(isFailure(outcome) ? [`  ${shown(outcome.reason ?? "")}`] : []),
    ...headerLines(event, answer.outcome, paint),
    ...auditLines(outcome),
    ...logLines(lines, paint),
    ...refusalLines(refusals),
    labelled("time", `${microseconds(answer.us)} for the first call of a fresh instance`),
    ...(answer.fuel === null ? [] : [labelled("fuel", answer.fuel.toLocaleString("en"))]),
    labelled("memory", showBytes(answer.memoryBytes)),
    ...(repeated === null ? [] : repeatedLines(repeated)),
  ];
  return `${text.join("\n")}\n`;
}

export function eventTitle(event: HeadersEvent): string {
  return event.kind === "request-headers" ? `${event.method} ${event.uri}` : `response ${event.status}`;
}

export function decisionStyle(outcome: OutcomeJson): Style {
  if (isFailure(outcome)) return "red";
  return outcome.decision === "allow" ? "green" : "yellow";
}

/** A diff of the headers that the event has; a plain list of what is done to those that come later. */
function headerLines(event: HeadersEvent, outcome: Outcome, paint: Paint): string[] {
  if (outcome instanceof EventFailure) return [];
  const isRequest = event.kind === "request-headers";
  const [own, other] = isRequest
    ? [outcome.requestHeaders, outcome.responseHeaders]
    : [outcome.responseHeaders, outcome.requestHeaders];
  const lines: string[] = [];
  const diff = headerDiff(event.headers, own);
  if (own.length > 0) {
    lines.push(`  ${isRequest ? "request" : "response"} headers`);
    lines.push(...(diff.length === 0 ? ["    unchanged"] : diff.map((change) => changeLine(change, paint))));
  }
  if (other.length > 0) {
    lines.push(
      `  ${isRequest ? "headers of the response, when it comes" : "headers of the request, which is gone"}`,
    );
    lines.push(...other.map(opLine));
  }
  return lines;
}

function changeLine({ kind, name, value }: HeaderChange, paint: Paint): string {
  return kind === "added"
    ? paint("green", `    + ${shown(name)}: ${shown(value)}`)
    : paint("red", `    - ${shown(name)}: ${shown(value)}`);
}

function opLine(op: HeaderOp): string {
  return op.op === "remove"
    ? `    remove ${shown(op.name)}`
    : `    ${op.op} ${shown(op.name)}: ${shown(op.value)}`;
}

function auditLines(outcome: OutcomeJson): string[] {
  if (isFailure(outcome)) return [];
  const lists = LISTS.flatMap((key) => {
    const list = outcome[key];
    return list === undefined ? [] : [labelled(key.replace("_", " "), shown(list.join(", ")))];
  });
  const values = VALUES.flatMap((key) => {
    const value = outcome[key];
    return value === undefined ? [] : [labelled(key.replace("_", " "), shown(JSON.stringify(value)))];
  });
  return [...lists, ...values];
}

function logLines(lines: readonly GuestLine[], paint: Paint): string[] {
  if (lines.length === 0) return [];
  return ["  log", ...lines.map(({ level, text }) => `    ${paint("dim", level.padEnd(5))} ${shown(text)}`)];
}

/** What the guest asked for and did not get: WASI functions for files, directories, sockets and the like. */
function refusalLines(refusals: ReadonlyMap<string, number>): string[] {
  if (refusals.size === 0) return [];
  const calls = [...refusals].map(([name, count]) => (count === 1 ? name : `${name} (${count} times)`));
  return [labelled("refused", shown(calls.join(", ")))];
}

function repeatedLines(report: RepeatReport): string[] {
  const { calls, us, fuel, failure, decisions, growthBytesPerCall } = report;
  const growth =
    growthBytesPerCall === 0 ? "no growth" : `grows by ${showBytes(growthBytesPerCall)} with every call`;
  return [
    "",
    `${calls} more ${calls === 1 ? "call" : "calls"}`,
    labelled("time", `p50 ${microseconds(us.p50)}, p99 ${microseconds(us.p99)}, max ${microseconds(us.max)}`),
    ...(fuel === null
      ? []
      : [labelled("fuel", `p50 ${fuel.p50.toLocaleString("en")}, max ${fuel.max.toLocaleString("en")}`)]),
    labelled("memory", `${showBytes(report.memoryBytes)}, ${growth}`),
    ...(decisions.size <= 1
      ? []
      : [...decisions].map(([words, count]) => labelled("decided", `${shown(words)}, ${count} times`))),
    ...(failure === null
      ? []
      : [labelled("failed", `at call ${calls}: ${shown(failure.message)} (${failure.code})`)]),
  ];
}

function labelled(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${label.length >= LABEL_WIDTH ? " " : ""}${text}`;
}

function microseconds(us: number): string {
  if (us >= 10_000) return `${(us / 1000).toFixed(1)} ms`;
  return `${us < 10 ? us.toFixed(1) : Math.round(us)} µs`;
}

function shown(text: string): string {
  return escapeInvisible(capText(text, MAX_TEXT_LENGTH));
}
