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
import { eventTitle } from "../tools/event-title.ts";
import type { HeaderMap, ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { HeaderOp } from "../event/header-ops.ts";
import { capText, escapeInvisible, printableJson } from "../telemetry/hostile-text.ts";
import type { Paint, Style } from "./paint.ts";

/** One event with all that came of it. */
export interface CallStep {
  readonly event: ProxyEvent;
  readonly isHandled: boolean;
  readonly answer: Answer;
  readonly lines: readonly GuestLine[];
  /** Function name -> how often it was called and refused; the start of the instance counts with the first event. */
  readonly refusals: ReadonlyMap<string, number>;
}

export interface CallReport {
  /** At least one event of one exchange, in order; the last one is what was asked about, unless an earlier one was refused. */
  readonly steps: readonly CallStep[];
  /** Events that a proxy would not send any more, because the one before was refused or failed. */
  readonly unsent: readonly ProxyEvent[];
  /** Null when one call was all that was asked for. */
  readonly repeated: RepeatReport | null;
}

/** Clients and guests choose most of what is shown. */
const MAX_TEXT_LENGTH = 2000;
const LABEL_WIDTH = 10;
const LISTS = ["tags", "rule_ids", "reason_codes"] as const;
const VALUES = ["confidence", "custom", "routing_metadata", "detections"] as const;

export function jsonCallReport({ steps, unsent, repeated }: CallReport): string {
  const report = {
    ...stepJson(steps.at(-1)!),
    ...(steps.length === 1 ? {} : { before: steps.slice(0, -1).map(stepJson) }),
    ...(unsent.length === 0 ? {} : { unsent: unsent.map((event) => writeEvent(event)) }),
    ...(repeated === null ? {} : { repeated: repeatedJson(repeated) }),
  };
  return `${printableJson(report, 2)}\n`;
}

function stepJson({ event, isHandled, answer, lines, refusals }: CallStep): object {
  return {
    event: writeEvent(event),
    handled: isHandled,
    outcome: writeOutcome(answer.outcome),
    log: lines,
    refused: [...refusals].map(([name, calls]) => ({ function: name, calls })),
    us: Math.round(answer.us),
    fuel: answer.fuel,
    memory_bytes: answer.memoryBytes,
  };
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

export function textCallReport({ steps, unsent, repeated }: CallReport, paint: Paint): string {
  const { answer } = steps.at(-1)!;
  const text = [
    ...steps.flatMap((step) => stepLines(step, paint)),
    labelled("time", `${microseconds(answer.us)} for the first call of a fresh instance`),
    ...(answer.fuel === null ? [] : [labelled("fuel", answer.fuel.toLocaleString("en"))]),
    labelled("memory", showBytes(answer.memoryBytes)),
    ...unsent.map((event) => paint("dim", `${shown(eventTitle(event))}: never sent after that`)),
    ...(repeated === null ? [] : repeatedLines(repeated)),
  ];
  return `${text.join("\n")}\n`;
}

function stepLines({ event, isHandled, answer, lines, refusals }: CallStep, paint: Paint): string[] {
  const outcome = writeOutcome(answer.outcome);
  const style = decisionStyle(outcome);
  return [
    `${shown(eventTitle(event))} → ${paint("bold", paint(style, shown(showDecision(outcome))))}`,
    ...(answer.isCalled ? [] : [`  ${paint("dim", notCalled(isHandled))}`]),
    ...(isFailure(outcome) ? [`  ${shown(outcome.reason ?? "")}`] : []),
    ...headerLines(event, answer.outcome, paint),
    ...bodyLines(event, outcome),
    ...auditLines(outcome),
    ...logLines(lines, paint),
    ...refusalLines(refusals),
  ];
}

function notCalled(isHandled: boolean): string {
  return isHandled
    ? "a response before the real one (1xx) passes without the module"
    : "the module has no handler for this event, so it is allowed";
}

export function decisionStyle(outcome: OutcomeJson): Style {
  if (isFailure(outcome)) return "red";
  if (outcome.frame !== undefined) return outcome.frame === "allow" ? "green" : "yellow";
  return outcome.decision === "allow" ? "green" : "yellow";
}

/** A diff of the headers that the event has; a plain list of what is done to others. */
function headerLines(event: ProxyEvent, outcome: Outcome, paint: Paint): string[] {
  if (outcome instanceof EventFailure) return [];
  switch (event.kind) {
    case "request-headers":
      return [
        ...diffLines("request", event.headers, outcome.requestHeaders, paint),
        ...opLines("headers of the response, when it comes", outcome.responseHeaders),
      ];
    case "response-headers":
      return [
        ...diffLines("response", event.headers, outcome.responseHeaders, paint),
        ...opLines("headers of the request, which is gone", outcome.requestHeaders),
      ];
    case "request-body-chunk":
      return [
        ...opLines(
          "headers of the request, which are gone unless the proxy inspects first",
          outcome.requestHeaders,
        ),
        ...opLines("headers of the response, when it comes", outcome.responseHeaders),
      ];
    case "response-body-chunk":
    case "websocket-frame":
    case "guardrail-inspect":
    case "request-complete":
      return opLines("headers, which the proxy ignores here", [
        ...outcome.requestHeaders,
        ...outcome.responseHeaders,
      ]);
    default:
      return event satisfies never;
  }
}

function diffLines(
  side: "request" | "response",
  headers: HeaderMap,
  ops: readonly HeaderOp[],
  paint: Paint,
): string[] {
  if (ops.length === 0) return [];
  const diff = headerDiff(headers, ops);
  return [
    `  ${side} headers`,
    ...(diff.length === 0 ? ["    unchanged"] : diff.map((change) => changeLine(change, paint))),
  ];
}

function opLines(title: string, ops: readonly HeaderOp[]): string[] {
  return ops.length === 0 ? [] : [`  ${title}`, ...ops.map(opLine)];
}

/** What the guest knows of a body, and what takes its place. */
function bodyLines(event: ProxyEvent, outcome: OutcomeJson): string[] {
  const lines: string[] = [];
  if ("context" in event && event.context?.isTruncated === true) {
    lines.push(labelled("truncated", "the event does not hold the whole body"));
  }
  if (isFailure(outcome)) return lines;
  const { replace_body: text, replace_body_base64: base64 } = outcome;
  if (text !== undefined) {
    lines.push(
      labelled("body", `replaced by ${Buffer.byteLength(text)} bytes: ${shown(JSON.stringify(text))}`),
    );
  } else if (base64 !== undefined) {
    lines.push(
      labelled(
        "body",
        `replaced by ${Buffer.byteLength(base64, "base64")} bytes in base64: ${shown(base64)}`,
      ),
    );
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
