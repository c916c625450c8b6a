/** What a module does when it is really called: whether it answers sample events, and what stays behind in its memory. */

import { EVENT_KINDS, type EventKind, type ProxyEvent } from "../../event/event.ts";
import { eventNameOf } from "../../event/event-names.ts";
import { EventFailure } from "../../event/failure.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { InputError } from "../../event/input-error.ts";
import { GuestConfig, missingForConfiguration } from "../../agent/guest-config.ts";
import type { AbiName } from "../../abi/abi-options.ts";
import { BenchGuest } from "../bench-guest.ts";
import { showDecision } from "../compare-outcomes.ts";
import type { GuestLine } from "../guest-lines.ts";
import type { GuestSettings } from "../guest-settings.ts";
import { writeOutcome } from "../../telemetry/recording/outcome-json.ts";
import { type RepeatReport, repeatCalls } from "../repeat-calls.ts";
import { sampleExchange } from "../sample-events.ts";
import { showBytes } from "../show-bytes.ts";
import { type Finding, findingsAbout } from "./finding.ts";

const finding = findingsAbout("behaviour");

/** Enough to see a leak of a few dozen bytes a call through pages of 64 KiB. */
const CALLS_PER_ROUND = 2000;
const MS_PER_ROUND = 400;
/** A guest with a garbage collector takes memory for many calls before it gives any back. */
const MAX_ROUNDS = 10;
const PAGE_BYTES = 65_536;
/** Most modules have both: a missing one is worth a note. */
const EXPECTED_KINDS: ReadonlySet<EventKind> = new Set(["request-headers", "response-headers"]);
const SUBJECTS: ReadonlyMap<EventKind, string> = new Map([
  ["request-headers", "sample request"],
  ["response-headers", "sample response"],
]);

export async function checkBehaviour(
  moduleBytes: Uint8Array<ArrayBuffer>,
  settings: GuestSettings,
  config: GuestConfig | string | null,
): Promise<readonly Finding[]> {
  let guest: BenchGuest;
  try {
    // The samples are what a proxy sends that is subscribed to everything.
    const events = settings.events ?? EVENT_KINDS;
    guest = await BenchGuest.open(moduleBytes, { ...settings, events }, config);
  } catch (error) {
    if (!(error instanceof ModuleError || error instanceof InputError)) throw error;
    // That is the file's fault, not the module's.
    if (error.code === "configuration-not-json") throw error;
    return [finding("error", "start", error.message, null)];
  }
  const findings: Finding[] = [...checkConfiguration(guest, config), ...remarksOf(guest.takeLines())];
  const maxMemoryBytes = guest.prepared.module.limits?.maxMemoryBytes ?? Number.POSITIVE_INFINITY;
  for (const kind of EVENT_KINDS) {
    if (guest.handles({ kind })) findings.push(...(await checkSample(guest, kind, maxMemoryBytes)));
    else if (EXPECTED_KINDS.has(kind))
      findings.push(finding("note", subjectOf(kind), "no handler, so it is always allowed"));
  }
  return findings;
}

function checkConfiguration(guest: BenchGuest, config: GuestConfig | string | null): readonly Finding[] {
  const isGiven = config instanceof GuestConfig ? config.file !== null : config !== null;
  if (!isGiven) return [];
  const { takesConfiguration, abiName } = guest.prepared.factory;
  return takesConfiguration
    ? [finding("ok", "configuration", "accepted")]
    : [
        finding(
          "warning",
          "configuration",
          `means nothing to the module, which ${missingForConfiguration(abiName)}`,
          abiName === "json"
            ? "export on_configure(i32, i32) -> i32, or leave --config out"
            : "leave --config out",
        ),
      ];
}

async function checkSample(
  guest: BenchGuest,
  kind: EventKind,
  maxMemoryBytes: number,
): Promise<readonly Finding[]> {
  const subject = subjectOf(kind);
  let exchange = sampleExchange(kind);
  const refusal = await callAll(guest, exchange.slice(0, -1));
  if (refusal !== null) {
    if (guest.prepared.factory.isStateful) {
      return [finding("note", subject, `not tried: the module answers ${refusal}`)];
    }
    exchange = exchange.slice(-1);
  }
  const { outcome } = await guest.call(exchange.at(-1)!);
  const lines = guest.takeLines();
  if (outcome instanceof EventFailure) {
    const said = lines.length === 0 ? "" : `; the module's log: ${lines.map(({ text }) => text).join(" | ")}`;
    const advice = adviceFor(outcome, guest.prepared.factory.abiName);
    // It may well work with one, which was not given.
    const level = outcome.code === "guest-configuration-refused" ? "warning" : "error";
    return [finding(level, subject, `${outcome.message} (${outcome.code})${said}`, advice)];
  }
  const remarks = remarksOf(lines);
  const repeated = await callUntilSettled(guest, exchange, maxMemoryBytes);
  const decision = showDecision(writeOutcome(outcome));
  return [
    finding("ok", subject, `answers ${decision}, in ${Math.round(repeated.report.us.p50)} µs once warm`),
    ...remarks,
    ...checkRepeated(subject, repeated),
  ];
}

/** What the agent has to say about the module. */
function remarksOf(lines: readonly GuestLine[]): readonly Finding[] {
  return lines
    .filter(({ isRemark, level }) => isRemark === true && level === "warn")
    .map(({ text }) => finding("warning", "remark", text));
}

function subjectOf(kind: EventKind): string {
  return SUBJECTS.get(kind) ?? `sample ${eventNameOf(kind).replaceAll("_", " ")}`;
}

/** In words, why the events behind these would not come: one of them is refused, or fails. Null when all are allowed. */
async function callAll(guest: BenchGuest, events: readonly ProxyEvent[]): Promise<string | null> {
  for (const event of events) {
    const { outcome } = await guest.call(event);
    if (outcome instanceof EventFailure || outcome.decision.kind !== "allow") {
      return `${showDecision(writeOutcome(outcome))} to the ${subjectOf(event.kind)} before it`;
    }
  }
  return null;
}

interface RepeatedCalls {
  /** Of the last round. */
  readonly report: RepeatReport;
  readonly calls: number;
  /** Over the last round; 0 for a guest that needs no more memory however often it is called. */
  readonly growthBytesPerCall: number;
  /** The guest has all the memory it may have, so that it cannot grow any more. */
  readonly isFull: boolean;
}

/** Calls with the same events again, in rounds, until a whole round has passed without growth. */
async function callUntilSettled(
  guest: BenchGuest,
  exchange: readonly ProxyEvent[],
  maxMemoryBytes: number,
): Promise<RepeatedCalls> {
  for (let round = 1, calls = 0; ; round++) {
    const bytesBefore = guest.memoryBytes;
    const report = await repeatCalls(guest, exchange, { calls: CALLS_PER_ROUND, maxMs: MS_PER_ROUND });
    calls += report.calls;
    const growthBytesPerCall = Math.max(0, report.memoryBytes - bytesBefore) / report.calls;
    const hasSettled = growthBytesPerCall === 0 || report.failure !== null;
    const isFull = report.memoryBytes > maxMemoryBytes - PAGE_BYTES;
    if (hasSettled || isFull || round === MAX_ROUNDS) return { report, calls, growthBytesPerCall, isFull };
  }
}

function checkRepeated(subject: string, repeated: RepeatedCalls): Finding[] {
  const { report, calls, growthBytesPerCall, isFull } = repeated;
  if (report.failure !== null) {
    return [
      finding(
        "error",
        `${subject}, again`,
        `the same event failed at call ${calls}: ${report.failure.message} (${report.failure.code})`,
        "look for memory that is never freed, or for state that a call leaves behind",
      ),
    ];
  }
  const findings: Finding[] = [];
  if (growthBytesPerCall > 0 || isFull) {
    const pace = isFull
      ? "memory grows until there is none left"
      : `memory grows by about ${showBytes(growthBytesPerCall)} with every call`;
    findings.push(
      finding(
        "warning",
        `${subject}, growth`,
        `${pace}: ${showBytes(report.memoryBytes)} after ${calls} calls`,
        "free in dealloc what alloc gave out; for a module that cannot, serve with --recycle-after or --recycle-memory",
      ),
    );
  }
  if (report.decisions.size > 1) {
    findings.push(
      finding("note", `${subject}, again`, `the same event got ${report.decisions.size} different decisions`),
    );
  }
  return findings;
}

function adviceFor(failure: EventFailure, abiName: AbiName): string | null {
  switch (failure.code) {
    case "guest-not-carried":
      return "serve it with --on-unsupported warn if the rest of its verdicts is worth having; docs/proxy-wasm.md lists what no proxy carries";
    case "guest-configuration-refused":
      return "give its configuration with --config";
    case "guest-deadline":
      return "do less in one call, or raise --timeout-ms";
    case "guest-trap":
    case "guest-stack-overflow":
    case "guest-abort":
    case "guest-exit":
      return "the same happens with real events, which are then decided by the fail policy; a module that needs a configuration gets one with --config";
    case "guest-alloc-failed":
    case "guest-alloc-out-of-bounds":
      return "alloc must return a pointer to as many bytes as it is asked for";
    case "guest-result-out-of-bounds":
      return "return pointer << 32 | length, both as unsigned 32-bit numbers";
    default:
      return abiName === "json" ? 'the result is described by the command "schema result"' : null;
  }
}
