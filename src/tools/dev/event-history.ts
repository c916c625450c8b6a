/** The last events that a proxy asked about, with what became of them. Bounded in count and in size. */

import type { GuestLine } from "../guest-lines.ts";
import type { ProxyEvent } from "../../event/event.ts";
import { retain } from "../../event/event-text.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { EventObserver } from "../../event/observer.ts";
import type { Verdict } from "../../event/verdict.ts";
import { showBytes } from "../show-bytes.ts";
import { formFromExchange } from "./event-form.ts";
import { outcomeOf } from "./outcome.ts";
import type { EventDetail, EventRow } from "./page-messages.ts";

export interface EventRecord {
  readonly row: EventRow;
  readonly failure: EventFailure | null;
  readonly log: readonly GuestLine[];
  /** Null when they were too large to keep. */
  readonly kept: { readonly event: ProxyEvent; readonly verdict: Verdict } | null;
}

export interface EventHistoryOptions {
  /** What the guest wrote while it was asked. */
  readonly takeLog: () => readonly GuestLine[];
  /** Of the module that serves. */
  readonly sha256: () => string;
  readonly onRecord: (record: EventRecord) => void;
}

const KEPT_EVENTS = 300;
/** Of one event and its answer. */
const MAX_KEPT_UNITS = 128 * 1024;
const MAX_TITLE_UNITS = 2048;

export class EventHistory implements EventObserver {
  readonly #options: EventHistoryOptions;
  readonly #records = new Map<number, EventRecord>();
  #nextId = 1;

  constructor(options: EventHistoryOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  get rows(): readonly EventRow[] {
    return Array.from(this.#records.values(), ({ row }) => row);
  }

  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void {
    retain(event);
    const isKept =
      event.kind !== "request-complete" && unitsOf(event) + answerUnits(verdict) <= MAX_KEPT_UNITS;
    const { decision } = verdict;
    const row: EventRow = {
      id: this.#nextId++,
      atMs: Date.now(),
      kind: event.kind,
      title: titleOf(event),
      decision: decision.kind,
      status: decision.kind === "allow" ? null : decision.status,
      failureCode: failure?.code ?? null,
      us,
      headerChanges: verdict.requestHeaders.length + verdict.responseHeaders.length,
      effects: effectsOf(verdict),
      tags: verdict.audit.tags.slice(0, 8),
      sha256: this.#options.sha256(),
      isKept,
    };
    const log = this.#options.takeLog();
    const record: EventRecord = { row, log, failure, kept: isKept ? { event, verdict } : null };
    this.#records.set(row.id, record);
    const oldest = this.#records.keys().next();
    if (this.#records.size > KEPT_EVENTS && !oldest.done) this.#records.delete(oldest.value);
    this.#options.onRecord(record);
  }

  /**
   * The event behind those of its exchange that came before it, as far as they are kept. Empty when it has left the
   * history or was never kept.
   */
  exchange(id: number): readonly ProxyEvent[] {
    const event = this.#records.get(id)?.kept?.event;
    if (event === undefined) return [];
    const exchange = [event];
    for (
      let before = id - 1;
      exchange[0]?.kind !== "request-headers" && this.#records.has(before);
      before--
    ) {
      const earlier = this.#records.get(before)?.kept?.event;
      if (earlier?.correlationId === event.correlationId) exchange.unshift(earlier);
    }
    return exchange;
  }

  detail(id: number): EventDetail | null {
    const record = this.#records.get(id);
    if (record === undefined || record.kept === null) return null;
    const form = formFromExchange(this.exchange(id));
    if (form === null) return null;
    const { row, failure, log } = record;
    const { event, verdict } = record.kept;
    const outcome = outcomeOf({
      event,
      isCalled: true,
      verdict,
      failure,
      log,
      us: row.us,
      fuel: null,
      memoryBytes: null,
      sha256: row.sha256,
    });
    return { row, form, outcome };
  }
}

function titleOf(event: ProxyEvent): string {
  const title = describe(event);
  return title.length > MAX_TITLE_UNITS ? `${title.slice(0, MAX_TITLE_UNITS)}…` : title;
}

function describe(event: ProxyEvent): string {
  switch (event.kind) {
    case "request-headers":
      return `${event.method} ${event.uri}`;
    case "response-headers":
      return `response ${event.status}`;
    case "request-body-chunk":
    case "response-body-chunk": {
      const side = event.kind === "request-body-chunk" ? "request" : "response";
      return `${side} body, ${showBytes(event.bytes.length)}${event.isLast ? "" : ", more to come"}`;
    }
    case "websocket-frame":
      return `${event.opcode} frame from the ${event.isFromClient ? "client" : "server"}, ${showBytes(event.bytes.length)}`;
    case "guardrail-inspect":
      return `guardrail ${event.inspectionType}`;
    case "request-complete":
      return `complete ${event.status}`;
    default:
      return event satisfies never;
  }
}

function effectsOf({ replacement, needsMore, frame, detections }: Verdict): readonly string[] {
  const effects: string[] = [];
  if (replacement !== undefined) effects.push(`replaced by ${showBytes(replacement.length)}`);
  if (needsMore === true) effects.push("needs more");
  if (frame?.kind === "drop") effects.push("frame dropped");
  if (frame?.kind === "close") effects.push(`closed ${frame.code}`);
  if (detections !== undefined && detections.length > 0) {
    effects.push(detections.length === 1 ? "1 finding" : `${detections.length} findings`);
  }
  return effects;
}

/** What it takes to keep the event, in UTF-16 units or bytes. */
function unitsOf(event: ProxyEvent): number {
  let units = event.correlationId.length;
  if ("bytes" in event) units += event.bytes.length;
  if (event.kind === "guardrail-inspect") units += event.content.length;
  if (event.kind === "request-headers") units += event.method.length + event.uri.length;
  if (!("headers" in event)) return units;
  for (const [name, values] of Object.entries(event.headers)) {
    units += name.length;
    for (const value of values) units += value.length;
  }
  return units;
}

function answerUnits({ decision, audit, replacement }: Verdict): number {
  const body =
    decision.kind === "block" ? decision.body : decision.kind === "redirect" ? decision.location : null;
  return (
    (body?.length ?? 0) +
    (replacement?.length ?? 0) +
    (audit.custom === null ? 0 : JSON.stringify(audit.custom).length)
  );
}
