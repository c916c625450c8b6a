/**
 * One JSON line for each decision, for auditors and for search: the fields of a recording without bodies, an id, the trace
 * of the request, and which module decided. Events are kept as they are when they settle and written a little later, many
 * at a time. What comes faster than it can be written, or is not taken by its reader, is left out and counted.
 */

import { closeSync } from "node:fs";
import type { ProxyEvent } from "../event/event.ts";
import { retain } from "../event/event-text.ts";
import type { EventFailure } from "../event/failure.ts";
import { InputError, systemReason } from "../event/input-error.ts";
import type { EventObserver } from "../event/observer.ts";
import type { Verdict } from "../event/verdict.ts";
import { BoundedOutput, type WriteBytes } from "./bounded-output.ts";
import { printableJson } from "./hostile-text.ts";
import type { Log } from "./log.ts";
import { openForAppending } from "./open-for-appending.ts";
import { writeEvent } from "./recording/event-json.ts";
import { writeOutcome } from "./recording/outcome-json.ts";
import type { RedactedNames } from "./recording/redaction.ts";

export interface DecisionLogOptions {
  /** `-` is standard output. */
  readonly path: string;
  /** Of events that the guest allows, 0 to 1. All others are written. */
  readonly allowShare: number;
  /** Lower case. */
  readonly redactedNames: readonly string[];
  /** Of the module that serves at this moment. */
  readonly moduleSha256: () => string;
  readonly counters: DecisionCounters;
  /** Writes to a descriptor without waiting for its reader. */
  readonly writerTo: (fd: number) => WriteBytes;
  readonly log: Log;
}

/** Since the start. */
export interface DecisionCounters {
  written: number;
  dropped: number;
}

interface Settled {
  readonly time: Date;
  readonly event: ProxyEvent;
  readonly verdict: Verdict;
  readonly failure: EventFailure | null;
  readonly us: number;
  readonly sha256: string;
}

const STDOUT = "-";
const STDOUT_FD = 1;
const FLUSH_AFTER_MS = 20;
/** A line costs some microseconds: so many hold up the event loop for less than a millisecond. */
const MAX_LINES_PER_FLUSH = 128;
/** Events that may wait to be written; more would cost memory without bound. */
const MAX_WAITING = 8192;
/** A reader may pause for so much of a busy agent. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
const CLOSE_WITHIN_MS = 500;
const PAYLOAD_KEYS: ReadonlySet<string> = new Set([
  "body",
  "body_base64",
  "payload",
  "payload_base64",
  "content",
]);
const NO_BYTES = new Uint8Array();
const TRACEPARENT = /^[0-9a-f]{2}-(?<traceId>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

export class DecisionLog implements EventObserver {
  readonly #options: DecisionLogOptions;
  readonly #redacted: RedactedNames;
  #fd: number;
  #output: BoundedOutput;
  #waiting: Settled[] = [];
  /** Of the last write. */
  #hasFailed = false;
  #isFailureKnown = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  private constructor(options: DecisionLogOptions, fd: number) {
    this.#options = options;
    this.#redacted = new Set(options.redactedNames);
    this.#fd = fd;
    this.#output = this.#outputTo(fd);
  }

  /** Appends to a file that is there already. @throws InputError `decision-log-unwritable` */
  static open(options: DecisionLogOptions): DecisionLog {
    return new DecisionLog(options, openLog(options.path));
  }

  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void {
    const { allowShare, counters, moduleSha256 } = this.#options;
    const isPlainAllow = failure === null && verdict.decision.kind === "allow";
    if (isPlainAllow && allowShare < 1 && Math.random() >= allowShare) return;
    if (this.#waiting.length >= MAX_WAITING) {
      counters.dropped++;
      return;
    }
    retain(event);
    this.#waiting.push({ time: new Date(), event, verdict, failure, us, sha256: moduleSha256() });
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
  }

  /** After somebody has moved the file away. The one before goes on when there cannot be a new one. */
  reopen(): void {
    const { path, log } = this.#options;
    if (path === STDOUT) return;
    while (this.#waiting.length > 0) this.#flush();
    try {
      const fd = openLog(path);
      closeSync(this.#fd);
      this.#fd = fd;
      this.#output = this.#outputTo(fd);
      this.#isFailureKnown = false;
    } catch (error) {
      log.warn("the decision log cannot be opened anew; the file before goes on", {
        reason: (error as Error).message,
      });
    }
  }

  /** Writes what is waiting. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#output.flush(CLOSE_WITHIN_MS);
    if (this.#options.path !== STDOUT) closeSync(this.#fd);
    const { path, counters, log } = this.#options;
    log.info("logged decisions", { file: path, decisions: counters.written, dropped: counters.dropped });
  }

  #outputTo(fd: number): BoundedOutput {
    return new BoundedOutput(this.#options.writerTo(fd), {
      maxWaitingBytes: MAX_UNREAD_BYTES,
      onFailure: (error) => this.#onFailure(error),
    });
  }

  #onFailure(error: unknown): void {
    this.#hasFailed = true;
    if (this.#isFailureKnown) return;
    this.#isFailureKnown = true;
    const { path, log } = this.#options;
    log.warn("decisions are lost: the decision log cannot be written (said once)", {
      file: path,
      reason: systemReason(error),
    });
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const settled = this.#waiting.splice(0, MAX_LINES_PER_FLUSH);
    const text = settled.map((entry) => this.#lineOf(entry)).join("");
    const { counters } = this.#options;
    this.#hasFailed = false;
    if (this.#output.write(text) && !this.#hasFailed) counters.written += settled.length;
    else counters.dropped += settled.length;
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#flush(), 0);
  }

  #lineOf({ time, event, verdict, failure, us, sha256 }: Settled): string {
    const traceId = traceIdOf(event);
    const line = {
      time: time.toISOString(),
      decision_id: crypto.randomUUID(),
      ...(traceId === null ? {} : { trace_id: traceId }),
      module_sha256: sha256,
      us,
      event: withoutPayloadKeys(writeEvent(withoutPayload(event), this.#redacted)),
      verdict: writeOutcome(withoutReplacement(verdict), this.#redacted),
      ...(verdict.replacement === undefined ? {} : { replaced_by_bytes: verdict.replacement.length }),
      ...(failure === null ? {} : { failure: { code: failure.code, reason: failure.message } }),
    };
    return `${printableJson(line)}\n`;
  }
}

function openLog(path: string): number {
  if (path === STDOUT) return STDOUT_FD;
  try {
    return openForAppending(path);
  } catch (cause) {
    throw new InputError(
      "decision-log-unwritable",
      `cannot write the decision log ${path}: ${systemReason(cause)}`,
      { cause },
    );
  }
}

/** Of the request, as W3C Trace Context spells it (www.w3.org/TR/trace-context); null without one, or with a broken one. */
function traceIdOf(event: ProxyEvent): string | null {
  if (event.kind !== "request-headers") return null;
  const { traceparent } = event.metadata;
  return traceparent === null ? null : (TRACEPARENT.exec(traceparent)?.groups?.["traceId"] ?? null);
}

/** Bodies, frames and texts to inspect are no part of a decision, and may be large and secret. */
function withoutPayload(event: ProxyEvent): ProxyEvent {
  if ("bytes" in event) return { ...event, bytes: NO_BYTES };
  return event.kind === "guardrail-inspect" ? { ...event, content: "" } : event;
}

/** An empty body would pass for one that was sent. */
function withoutPayloadKeys(event: object): object {
  return Object.fromEntries(Object.entries(event).filter(([key]) => !PAYLOAD_KEYS.has(key)));
}

function withoutReplacement(verdict: Verdict): Verdict {
  const { replacement: _bytes, ...rest } = verdict;
  return rest;
}
