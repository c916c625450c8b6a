/**
 * Exchanges under any interleaving of events: ids repeat while in flight, verdicts come late and in any order, events are
 * cancelled, exchanges time out and are evicted. The dispatcher and its table are held against a simple model.
 */

import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import fc from "fast-check";
import { Dispatcher, type GuestRing } from "../../src/dispatch/dispatcher.ts";
import type { BodyEvent, EventKind, ProxyEvent } from "../../src/event/event.ts";
import type { EventSource, PendingEvent } from "../../src/event/event-sink.ts";
import { EventFailure } from "../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../src/event/verdict.ts";
import type { EndReason } from "../../src/exchange/end-reason.ts";
import { ExchangeTable } from "../../src/exchange/exchange-table.ts";
import type { InstanceJob, Lease } from "../../src/exchange/lease.ts";
import type { RingJob } from "../../src/ring/ring-job.ts";
import { sampleRequest } from "../support/neutral-events.ts";
import { LoopMetrics } from "../../src/telemetry/metrics/loop-metrics.ts";
import { ModuleMetrics } from "../../src/telemetry/metrics/module-metrics.ts";
import { FRAME_ERROR_CODES } from "../../src/transport/frame-error.ts";
import { silentLog } from "../support/silent-log.ts";
import { ExchangeModel, type ModelExchange } from "./exchange-model.ts";

const MAX_EXCHANGES = 3;
const TIMEOUT_MS = 4000;
/** How often the table looks, which is how exact its clock is. */
const TICK_MS = 1000;
const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;

const HANDLES: ReadonlySet<EventKind> = new Set<EventKind>([
  "request-headers",
  "request-body-chunk",
  "response-headers",
  "response-body-chunk",
  "websocket-frame",
]);

type Action =
  | { readonly does: "request"; readonly id: string; readonly contentLength: number | null }
  | {
      readonly does: "request-body";
      readonly id: string;
      readonly isStreamed: boolean;
      readonly isLast: boolean;
    }
  | { readonly does: "response"; readonly id: string; readonly status: number }
  | { readonly does: "response-body" | "frame"; readonly id: string }
  | { readonly does: "settle"; readonly nth: number; readonly how: "allow" | "block" | "close" | "fail" }
  | { readonly does: "cancel"; readonly nth: number }
  | { readonly does: "wait"; readonly ms: number };

const id = fc.constantFrom("a", "b", "__proto__", "d", "e");
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    does: fc.constant("request" as const),
    id,
    contentLength: fc.constantFrom(null, 2, 100),
  }),
  fc.record({
    does: fc.constant("request-body" as const),
    id,
    isStreamed: fc.boolean(),
    isLast: fc.boolean(),
  }),
  fc.record({
    does: fc.constant("response" as const),
    id,
    status: fc.constantFrom(100, SWITCHING_PROTOCOLS, 103, 200, NO_CONTENT, 500),
  }),
  fc.record({ does: fc.constantFrom("response-body" as const, "frame" as const), id }),
  fc.record({
    does: fc.constant("settle" as const),
    nth: fc.nat(20),
    how: fc.constantFrom("allow", "allow", "allow", "block", "close", "fail"),
  }),
  fc.record({ does: fc.constant("cancel" as const), nth: fc.nat(20) }),
  fc.record({ does: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 6000 }) }),
);

interface InFlight {
  readonly event: ProxyEvent;
  readonly job: InstanceJob;
  readonly pending: PendingEvent;
  /** Of the model; null for an event that belongs to none. */
  readonly exchange: ModelExchange | null;
}

interface Submitted {
  readonly job: InstanceJob;
  /** Of its lease; -1 for none. */
  readonly serial: number;
}

/** Takes jobs, and settles none by itself. With leases it keeps the ends of exchanges, by the serial of their request. */
class HeldRing implements GuestRing {
  readonly handles = HANDLES;
  readonly wantsRequest = true;
  readonly leases: "none" | "required";
  readonly ends: { readonly serial: number; readonly reason: EndReason }[] = [];
  #last: Submitted | null = null;
  #leased = 0;

  constructor(leases: "none" | "required") {
    this.leases = leases;
  }

  /** The job that was submitted since the last call. */
  takeLast(): Submitted | null {
    const last = this.#last;
    this.#last = null;
    return last;
  }

  submit(job: RingJob): void {
    if (this.leases === "none") {
      this.#last = { job, serial: -1 };
      return;
    }
    const lease = this.#lease(this.#leased++);
    job.exchange!.lease = lease;
    lease.submit(job);
  }

  #lease(serial: number): Lease {
    return {
      isOver: false,
      submit: (job) => {
        this.#last = { job, serial };
      },
      end: (reason) => this.ends.push({ serial, reason }),
    };
  }
}

class Source implements EventSource {
  readonly peer = { keepsResponseOps: true, hasResponseEvents: true, replacesBodies: true };
  readonly answers: { readonly event: ProxyEvent; readonly verdict: Verdict }[] = [];

  answer(event: ProxyEvent, verdict: Verdict): void {
    this.answers.push({ event, verdict });
  }
}

/** The dispatcher with its table, and the model beside it. */
class Interleaving {
  readonly #ring: HeldRing;
  readonly #table: ExchangeTable;
  readonly #dispatcher: Dispatcher;
  readonly #source = new Source();
  readonly #model = new ExchangeModel(MAX_EXCHANGES);
  readonly #inFlight: InFlight[] = [];
  #nowMs = 0;

  constructor(leases: "none" | "required") {
    this.#ring = new HeldRing(leases);
    this.#table = new ExchangeTable({
      maxExchanges: MAX_EXCHANGES,
      timeoutMs: TIMEOUT_MS,
      now: () => this.#nowMs,
    });
    this.#dispatcher = new Dispatcher(this.#ring, {
      log: silentLog(),
      failOpen: false,
      metrics: new LoopMetrics(FRAME_ERROR_CODES),
      moduleMetrics: new ModuleMetrics(),
      exchanges: this.#table,
      configure: () => ({ accepted: true }),
    });
  }

  run(step: Action): void {
    switch (step.does) {
      case "request": {
        const { contentLength } = step;
        const headers = contentLength === null ? {} : { "content-length": [`${contentLength}`] };
        const event = sampleRequest({ id: step.id, uri: `/${this.#model.opened}`, headers });
        const exchange = this.#model.request(step.id, contentLength, this.#nowMs);
        this.#hand(event, exchange);
        break;
      }
      case "response":
        this.#later({ kind: "response-headers", correlationId: step.id, status: step.status, headers: {} });
        break;
      case "request-body":
        this.#later(bodyEvent("request-body-chunk", step.id, step.isStreamed, step.isLast));
        break;
      case "response-body":
        this.#later(bodyEvent("response-body-chunk", step.id, false, true));
        break;
      case "frame":
        this.#later({
          kind: "websocket-frame",
          correlationId: step.id,
          opcode: "text",
          bytes: Buffer.from("hi"),
          isFromClient: true,
          frameIndex: 0,
          isFinal: true,
          routeId: null,
          clientAddress: "",
        });
        break;
      case "settle":
        this.#settle(step.nth, step.how);
        break;
      case "cancel":
        if (this.#inFlight.length > 0) this.#inFlight[step.nth % this.#inFlight.length]!.pending.cancel();
        break;
      case "wait":
        this.#wait(step.ms);
        break;
      default:
        step satisfies never;
    }
    this.#compare();
  }

  /** Everything ends, and each thing once. */
  close(): void {
    for (const exchange of this.#model.open) this.#model.end(exchange, "closed");
    this.#dispatcher.close();
    this.#compare();
    while (this.#inFlight.length > 0) this.#settle(0, "allow");
    this.#compare();
    const { opened, ended } = this.#table.counters;
    expect(opened).toBe(this.#model.opened);
    expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(opened);
  }

  #later(event: Exclude<ProxyEvent, { readonly kind: "request-headers" }>): void {
    this.#hand(event, this.#model.event(event.correlationId, this.#nowMs));
  }

  #hand(event: ProxyEvent, exchange: ModelExchange | null): void {
    const answered = this.#source.answers.length;
    const pending = this.#dispatcher.handle(event, this.#source);
    const last = this.#ring.takeLast();
    const isInterim =
      event.kind === "response-headers" && event.status < 200 && event.status !== SWITCHING_PROTOCOLS;
    if (isInterim) {
      expect(last).toBeNull();
      expect(this.#source.answers.slice(answered)).toEqual([{ event, verdict: PLAIN_ALLOW }]);
      return;
    }
    if (exchange === null && this.#ring.leases === "required") {
      expect(last).toBeNull();
      expect(this.#source.answers.at(-1)?.verdict.audit.reasonCodes).toEqual(["exchange-unknown"]);
      return;
    }
    // It reaches the guest, in the context of the newest exchange with its id, and waits there.
    expect(this.#source.answers).toHaveLength(answered);
    expect(last?.job.event).toBe(event);
    if (this.#ring.leases === "required") expect(last?.serial).toBe(exchange!.serial);
    if (event.kind !== "request-headers") expectToKnow(event, exchange);
    this.#inFlight.push({ event, job: last!.job, pending: pending!, exchange });
  }

  #settle(nth: number, how: "allow" | "block" | "close" | "fail"): void {
    if (this.#inFlight.length === 0) return;
    const [{ event, job, exchange }] = this.#inFlight.splice(nth % this.#inFlight.length, 1) as [InFlight];
    const answered = this.#source.answers.length;
    if (how === "fail") job.fail(new EventFailure("guest-trap", "it trapped"));
    else job.succeed(verdictOf(how, event));
    const answers = this.#source.answers.slice(answered);
    expect(answers.map((answer) => answer.event)).toEqual(job.isCancelled ? [] : [event]);
    // An answer that nobody waits for any more has its effect on the exchange all the same.
    const isRefused =
      how === "block" || how === "fail" || (how === "close" && event.kind === "websocket-frame");
    if (exchange !== null && (isRefused || isLast(event))) this.#model.end(exchange, "finished");
  }

  /** The table's clock stands still between two ticks: near the timeout either is right. */
  #wait(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.#nowMs += Math.min(left, TICK_MS);
      jest.advanceTimersByTime(Math.min(left, TICK_MS));
      this.#adoptTimeouts();
    }
  }

  #adoptTimeouts(): void {
    const open = new Set(this.#table.save().map(({ request }) => request));
    for (const exchange of this.#model.open) {
      const idleMs = this.#nowMs - exchange.lastEventAtMs;
      const isOpen =
        this.#ring.leases === "required"
          ? !this.#ring.ends.some(({ serial }) => serial === exchange.serial)
          : [...open].some(
              (request) => request?.kind === "request-headers" && request.uri === `/${exchange.serial}`,
            );
      if (isOpen) expect(idleMs).toBeLessThan(TIMEOUT_MS + TICK_MS);
      else {
        expect(idleMs).toBeGreaterThanOrEqual(TIMEOUT_MS - TICK_MS);
        this.#model.end(exchange, "idle");
      }
    }
  }

  #compare(): void {
    expect(this.#table.size).toBe(this.#model.open.length);
    expect(this.#table.size).toBeLessThanOrEqual(MAX_EXCHANGES);
    if (this.#ring.leases === "required") {
      const bySerial = (a: { serial: number }, b: { serial: number }): number => a.serial - b.serial;
      expect(this.#ring.ends.toSorted(bySerial)).toEqual(this.#model.ends.toSorted(bySerial));
    }
    const counted = Object.fromEntries(
      Object.entries(this.#table.counters.ended).filter(([, count]) => count > 0),
    );
    const expected: Record<string, number> = {};
    for (const { reason } of this.#model.ends) expected[reason] = (expected[reason] ?? 0) + 1;
    expect(counted).toEqual(expected);
  }
}

/** The request of the exchange, and what it says about the body. */
function expectToKnow(
  event: Exclude<ProxyEvent, { readonly kind: "request-headers" }>,
  exchange: ModelExchange | null,
): void {
  const uri = event.request?.kind === "request-headers" ? event.request.uri : null;
  expect(uri).toBe(exchange === null ? null : `/${exchange.serial}`);
  if (event.kind === "request-body-chunk") {
    const announced = exchange?.contentLength ?? null;
    const size = event.totalBytes;
    expect(event.context).toEqual({
      isTruncated: size !== null && (!event.isLast || (announced !== null && announced > size)),
      canReplace: size === null,
      mustKeepLength: announced !== null,
    });
  }
  if (event.kind === "response-body-chunk") {
    expect(event.context).toEqual({ isTruncated: false, canReplace: true, mustKeepLength: false });
  }
}

/** Nothing can follow it: a response without a body, or the end of one. A socket that was upgraded has frames to come. */
function isLast(event: ProxyEvent): boolean {
  if (event.kind === "response-headers") return event.status === NO_CONTENT;
  return event.kind === "response-body-chunk" && event.isLast;
}

function verdictOf(how: "allow" | "block" | "close", event: ProxyEvent): Verdict {
  if (how === "block") return { ...PLAIN_ALLOW, decision: { kind: "block", status: 403, body: null } };
  if (how === "close" && event.kind === "websocket-frame") {
    return { ...PLAIN_ALLOW, frame: { kind: "close", code: 1000, reason: "" } };
  }
  return PLAIN_ALLOW;
}

function bodyEvent(
  kind: BodyEvent["kind"],
  correlationId: string,
  isStreamed: boolean,
  isLast: boolean,
): BodyEvent {
  return {
    kind,
    correlationId,
    bytes: Buffer.from("hi"),
    isLast,
    chunkIndex: 0,
    totalBytes: isStreamed ? null : 2,
    bytesSoFar: 2,
  };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test.each(["required", "none"] as const)(
  "exchanges are what the model says, whatever comes in which order (leases: %s)",
  (leases) => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const interleaving = new Interleaving(leases);
        for (const step of actions) interleaving.run(step);
        interleaving.close();
      }),
      { numRuns: 500 },
    );
  },
);
