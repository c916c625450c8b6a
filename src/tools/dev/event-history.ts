/** The last events that a proxy asked about, with what became of them. Bounded in count and in size. */

import type { GuestLine } from "../guest-lines.ts";
import type { HeadersEvent, ProxyEvent } from "../../event/event.ts";
import { retain } from "../../event/event-text.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { EventObserver } from "../../event/observer.ts";
import type { Verdict } from "../../event/verdict.ts";
import { formFromEvent } from "./event-form.ts";
import { outcomeOf } from "./outcome.ts";
import type { EventDetail, EventRow } from "./page-messages.ts";

export interface EventRecord {
  readonly row: EventRow;
  readonly failure: EventFailure | null;
  readonly log: readonly GuestLine[];
  /** Null when they were too large to keep. */
  readonly kept: { readonly event: HeadersEvent; readonly verdict: Verdict } | null;
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
    if (event.kind !== "request-headers" && event.kind !== "response-headers") return;
    retain(event);
    const isKept = unitsOf(event) + answerUnits(verdict) <= MAX_KEPT_UNITS;
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

  /** Null when it has left the history or was never kept. */
  event(id: number): HeadersEvent | null {
    return this.#records.get(id)?.kept?.event ?? null;
  }

  detail(id: number): EventDetail | null {
    const record = this.#records.get(id);
    if (record === undefined || record.kept === null) return null;
    const { row, failure, log } = record;
    const { event, verdict } = record.kept;
    const outcome = outcomeOf({
      event,
      verdict,
      failure,
      log,
      us: row.us,
      fuel: null,
      memoryBytes: null,
      sha256: row.sha256,
    });
    return { row, form: formFromEvent(event), outcome };
  }
}

function titleOf(event: HeadersEvent): string {
  const title =
    event.kind === "request-headers" ? `${event.method} ${event.uri}` : `response ${event.status}`;
  return title.length > MAX_TITLE_UNITS ? `${title.slice(0, MAX_TITLE_UNITS)}…` : title;
}

function unitsOf(event: HeadersEvent): number {
  let units = event.correlationId.length;
  if (event.kind === "request-headers") units += event.method.length + event.uri.length;
  for (const [name, values] of Object.entries(event.headers)) {
    units += name.length;
    for (const value of values) units += value.length;
  }
  return units;
}

function answerUnits({ decision, audit }: Verdict): number {
  const body =
    decision.kind === "block" ? decision.body : decision.kind === "redirect" ? decision.location : null;
  return (body?.length ?? 0) + (audit.custom === null ? 0 : JSON.stringify(audit.custom).length);
}
