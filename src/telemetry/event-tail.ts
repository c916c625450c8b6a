/**
 * Verdicts as they happen, for people who watch: as JSON lines, filtered, and bounded in what they may cost. Of events
 * that come faster, a share is shown and the rest counted. Costs nothing while nobody watches.
 */

import type { ProxyEvent } from "../event/event.ts";
import { retain } from "../event/event-text.ts";
import type { EventFailure } from "../event/failure.ts";
import type { EventObserver, EventObservers } from "../event/observer.ts";
import type { Decision, Verdict } from "../event/verdict.ts";
import { capText, printableJson } from "./hostile-text.ts";

/** Null lets everything pass. */
export interface TailFilter {
  readonly decision: Decision["kind"] | null;
  /** One of the verdict's tags. */
  readonly tag: string | null;
  /** What the path of the request begins with; only events of request headers have one. */
  readonly path: string | null;
  /** Of the failure; `any` for every one. */
  readonly code: string | null;
  /** Lines a second, at most. */
  readonly linesPerSecond: number;
}

/** Answers false when the line was dropped. */
export type WriteLine = (line: string) => boolean;

const TICK_MS = 100;
const TICKS_PER_SECOND = 1000 / TICK_MS;
/** Looking at a path decodes the event, which takes some microseconds. */
const MAX_DECODED_PER_TICK = 100;
const MAX_TEXT_UNITS = 512;
const MAX_TAGS = 16;

export class EventTail implements EventObserver {
  readonly #observers: EventObservers;
  readonly #filter: TailFilter;
  readonly #write: WriteLine;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #linesPerTick: number;
  #lines = 0;
  #decoded = 0;
  #leftOut = 0;
  #ticks = 0;

  /** Watches until `close`. */
  constructor(observers: EventObservers, filter: TailFilter, write: WriteLine) {
    this.#observers = observers;
    this.#filter = filter;
    this.#write = write;
    this.#linesPerTick = Math.max(1, Math.round(filter.linesPerSecond / TICKS_PER_SECOND));
    this.#timer = setInterval(() => this.#onTick(), TICK_MS);
    this.#timer.unref();
    observers.add(this);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#observers.remove(this);
  }

  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void {
    if (!this.#isWanted(verdict, failure)) return;
    if (this.#lines >= this.#linesPerTick || this.#decoded >= MAX_DECODED_PER_TICK) {
      this.#leftOut++;
      return;
    }
    this.#decoded++;
    retain(event);
    if (!this.#hasPath(event)) return;
    this.#lines++;
    if (!this.#write(lineOf(event, verdict, us, failure))) this.#leftOut++;
  }

  /** What can be told without decoding the event. */
  #isWanted(verdict: Verdict, failure: EventFailure | null): boolean {
    const { decision, tag, code } = this.#filter;
    if (decision !== null && verdict.decision.kind !== decision) return false;
    if (code !== null && (failure === null || (code !== "any" && failure.code !== code))) return false;
    return tag === null || verdict.audit.tags.includes(tag);
  }

  #hasPath(event: ProxyEvent): boolean {
    const { path } = this.#filter;
    return path === null || (event.kind === "request-headers" && event.uri.startsWith(path));
  }

  #onTick(): void {
    this.#lines = 0;
    this.#decoded = 0;
    this.#ticks++;
    if (this.#ticks < TICKS_PER_SECOND) return;
    this.#ticks = 0;
    if (this.#leftOut === 0) return;
    if (this.#write(`${JSON.stringify({ left_out: this.#leftOut })}\n`)) this.#leftOut = 0;
  }
}

function lineOf(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): string {
  const { decision, audit } = verdict;
  const line = {
    time: new Date().toISOString(),
    event: event.kind.replaceAll("-", "_"),
    correlation_id: capText(event.correlationId, MAX_TEXT_UNITS),
    ...requestFacts(event),
    decision: decision.kind,
    ...(decision.kind === "allow" ? {} : { status: decision.status }),
    ...(failure === null ? {} : { code: failure.code }),
    ...(audit.tags.length === 0
      ? {}
      : { tags: audit.tags.slice(0, MAX_TAGS).map((tag) => capText(tag, MAX_TEXT_UNITS)) }),
    us,
  };
  return `${printableJson(line)}\n`;
}

/** Without the query, in which clients send secrets. */
function requestFacts(event: ProxyEvent): object {
  switch (event.kind) {
    case "request-headers":
      return {
        method: capText(event.method, MAX_TEXT_UNITS),
        path: capText(event.uri.split("?", 1)[0] ?? "", MAX_TEXT_UNITS),
        ...(event.metadata.routeId === null
          ? {}
          : { route: capText(event.metadata.routeId, MAX_TEXT_UNITS) }),
      };
    case "response-headers":
      return { response_status: event.status };
    default:
      return {};
  }
}
