/**
 * Between the protocols and the ring: every event is answered, by the guest, by the failure policy, or with a plain
 * "allow" when the guest does not handle its kind. Knows neither frames nor pointers.
 */

import type {
  BodyEvent,
  EventKind,
  HeadersEvent,
  ProxyEvent,
  RequestHeadersEvent,
  ResponseHeadersEvent,
} from "../event/event.ts";
import type {
  ConfigureOutcome,
  EventSink,
  EventSource,
  FailedEvent,
  PendingEvent,
} from "../event/event-sink.ts";
import { retain } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import { EventObservers } from "../event/observer.ts";
import type { RetainedRequest } from "../event/retained-request.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import { EventPlan, isInterim } from "../exchange/event-plan.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { ExchangeTable } from "../exchange/exchange-table.ts";
import type { RingJob } from "../ring/ring-job.ts";
import type { Log } from "../telemetry/log.ts";
import { bodyContext } from "./body-rules.ts";
import { DeferredOps } from "./deferred-ops.ts";
import { Decider, type EventMetrics } from "../telemetry/metrics/event-metrics.ts";
import type { LoopMetrics } from "../telemetry/metrics/loop-metrics.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { ReadClock } from "../telemetry/metrics/read-clock.ts";
import { EventJob, type JobOwner } from "./event-job.ts";
import { failVerdict } from "./failure-policy.ts";
import { FailureReport } from "./failure-report.ts";
import { refuseUninspectable } from "./strict-inspection.ts";
import { logEvent, logVerdict } from "./verbose-log.ts";
import { VerdictRules } from "./verdict-rules.ts";

/** Where guests are called. The ring of the moment: a reload puts another one in its place. */
export interface GuestRing {
  /** Events of other kinds are not submitted. */
  readonly handles: ReadonlySet<EventKind>;
  /**
   * Whether the events of an exchange belong to one instance. `required`: an event without an exchange fails;
   * `optional`: it gets an instance for itself.
   */
  readonly leases: "none" | "optional" | "required";
  /** Later events should carry the request of their exchange. */
  readonly wantsRequest: boolean;
  submit(job: RingJob): void;
}

export interface DispatcherOptions {
  readonly log: Log;
  readonly failOpen: boolean;
  readonly exchanges: ExchangeTable;
  readonly metrics: LoopMetrics;
  readonly moduleMetrics: ModuleMetrics;
  /** What the proxy is subscribed to; null when nobody knows. */
  readonly subscribed?: ReadonlySet<EventKind> | null;
  /** Refuse requests whose bodies or frames the guest would inspect, but could not. */
  readonly strictInspection?: boolean;
  configure(config: unknown): ConfigureOutcome;
  readonly observers?: EventObservers;
}

export class Dispatcher implements EventSink, JobOwner {
  #ring: GuestRing;
  #failOpen: boolean;
  #subscribed: ReadonlySet<EventKind> | null;
  /** Kinds of body events that came. */
  readonly #seenBodies = new Set<EventKind>();
  #plan: EventPlan;
  readonly #log: Log;
  readonly #events: EventMetrics;
  readonly #moduleMetrics: ModuleMetrics;
  readonly #clock: ReadClock;
  readonly #configure: (config: unknown) => ConfigureOutcome;
  readonly #exchanges: ExchangeTable;
  readonly #deferred: DeferredOps;
  readonly #rules: VerdictRules;
  readonly #report: FailureReport;
  readonly #observers: EventObservers;
  readonly #isStrict: boolean;

  constructor(ring: GuestRing, options: DispatcherOptions) {
    this.#ring = ring;
    this.#failOpen = options.failOpen;
    this.#subscribed = options.subscribed ?? null;
    this.#plan = new EventPlan(ring.handles, this.#subscribed, this.#seenBodies);
    this.#log = options.log;
    this.#events = options.metrics.events;
    this.#moduleMetrics = options.moduleMetrics;
    this.#clock = options.metrics.clock;
    this.#configure = options.configure;
    this.#exchanges = options.exchanges;
    this.#deferred = new DeferredOps(options.exchanges, options.log);
    this.#rules = new VerdictRules(options.log);
    this.#report = new FailureReport(options.log);
    this.#observers = options.observers ?? new EventObservers();
    this.#isStrict = options.strictInspection ?? false;
  }

  get failOpen(): boolean {
    return this.#failOpen;
  }

  set failOpen(failOpen: boolean) {
    this.#failOpen = failOpen;
  }

  /** What the proxy is subscribed to; null when nobody knows. */
  set subscribed(kinds: ReadonlySet<EventKind> | null) {
    this.#subscribed = kinds;
    this.#plan = new EventPlan(this.#ring.handles, kinds, this.#seenBodies);
  }

  /** From the next event on, guests are called here. Events in flight, and leased exchanges, stay where they are. */
  useRing(ring: GuestRing): void {
    this.#ring = ring;
    this.#plan = new EventPlan(ring.handles, this.#subscribed, this.#seenBodies);
  }

  handles(kind: EventKind): boolean {
    return this.#ring.handles.has(kind);
  }

  handle(event: ProxyEvent, source: EventSource): PendingEvent | null {
    switch (event.kind) {
      case "request-headers":
        return this.#onRequestHeaders(event, source);
      case "response-headers":
        return this.#onResponseHeaders(event, source);
      case "request-body-chunk":
      case "response-body-chunk":
        return this.#onBody(event, source);
      case "websocket-frame":
      case "guardrail-inspect":
      case "request-complete":
        return this.#onLaterEvent(event, source);
      default:
        return event satisfies never;
    }
  }

  pass(kind: EventKind): void {
    this.#events.count(kind, PLAIN_ALLOW, Decider.none);
    this.#events.observeDuration(kind, this.#clock.read() - this.#clock.readAtMs);
  }

  refuse(failure: EventFailure, event: FailedEvent): Verdict {
    const verdict = this.#failed(failure, event);
    this.#events.count(event.kind, verdict, Decider.failPolicy);
    this.#events.observeDuration(event.kind, this.#clock.read() - this.#clock.readAtMs);
    return verdict;
  }

  overrule(failure: EventFailure, event: FailedEvent): Verdict {
    const verdict = this.#failed(failure, event);
    this.#events.recountLast(event.kind, verdict);
    return verdict;
  }

  configure(config: unknown): ConfigureOutcome {
    try {
      return this.#configure(config);
    } finally {
      this.#clock.read();
    }
  }

  /** Ends all exchanges, and writes the counts of failures that were held back from the log. */
  close(): void {
    this.#exchanges.endAll("closed");
    this.#report.flush();
  }

  onVerdict(job: EventJob, verdict: Verdict): void {
    const checked = this.#rules.apply(verdict, job.event, job.exchange);
    if (checked instanceof EventFailure) this.onFailure(job, checked);
    else this.#settle(job, checked, null);
  }

  onFailure(job: EventJob, failure: EventFailure): void {
    this.#settle(job, this.#failed(failure, job.event), failure);
  }

  onCancelled(): void {
    this.#events.countCancelled();
  }

  #onRequestHeaders(event: RequestHeadersEvent, source: EventSource): PendingEvent | null {
    const refusal = this.#isStrict ? refuseUninspectable(event, this.#plan) : null;
    if (refusal !== null) return this.#refuseRequest(event, source, refusal);
    if (!this.#ring.handles.has("request-headers") && !this.#needsRequest) {
      if (this.#exchanges.size > 0) this.#exchanges.supersede(event.correlationId);
      return this.#pass(event, source);
    }
    const exchange = this.#openExchange(event);
    if (!this.#ring.handles.has("request-headers")) return this.#pass(event, source);
    const bodyFollows =
      this.#ring.leases === "required" && exchange !== null && this.#plan.requestBodyFollows(exchange);
    return this.#submit(bodyFollows ? withBody(event) : event, source, exchange);
  }

  /** By the agent itself: the guest is not called, and nothing can follow. */
  #refuseRequest(event: RequestHeadersEvent, source: EventSource, verdict: Verdict): null {
    if (this.#exchanges.size > 0) this.#exchanges.supersede(event.correlationId);
    if (this.#log.debugEnabled) {
      logEvent(this.#log, event);
      logVerdict(this.#log, event, verdict, 0, false);
    }
    this.#answerWithoutGuest(event, source, verdict, Decider.agent);
    return null;
  }

  #onResponseHeaders(event: ResponseHeadersEvent, source: EventSource): PendingEvent | null {
    const exchange = this.#findExchange(event);
    // Operations on a 100 or 103 reach nobody, and the ones that were deferred belong to the real response.
    if (exchange !== null || this.#ring.handles.has("response-headers")) {
      if (isInterim(event.status)) return this.#pass(event, source);
    }
    if (!this.#ring.handles.has("response-headers")) {
      const verdict = exchange === null ? PLAIN_ALLOW : this.#deferred.addTo(PLAIN_ALLOW, exchange);
      this.#answerWithoutGuest(event, source, verdict);
      this.#endIfOver(event, source, exchange, verdict);
      return null;
    }
    this.#attachRequest(event, exchange);
    const bodyFollows =
      this.#ring.leases === "required" &&
      exchange !== null &&
      this.#plan.responseBodyFollows(event, exchange);
    return this.#submit(bodyFollows ? withBody(event) : event, source, exchange);
  }

  #onBody(event: BodyEvent, source: EventSource): PendingEvent | null {
    if (!this.#ring.handles.has(event.kind)) return this.#pass(event, source);
    this.#seenBodies.add(event.kind);
    const exchange = this.#findExchange(event);
    // A recorded event brings along what the agent knew then.
    event.context ??= bodyContext(event, source.peer, exchange);
    this.#attachRequest(event, exchange);
    return this.#submit(event, source, exchange);
  }

  #onLaterEvent(event: Exclude<ProxyEvent, RequestHeadersEvent>, source: EventSource): PendingEvent | null {
    if (!this.#ring.handles.has(event.kind)) return this.#pass(event, source);
    const exchange = this.#findExchange(event);
    this.#attachRequest(event, exchange);
    return this.#submit(event, source, exchange);
  }

  #pass(event: ProxyEvent, source: EventSource): null {
    this.#answerWithoutGuest(event, source, PLAIN_ALLOW);
    return null;
  }

  #answerWithoutGuest(
    event: ProxyEvent,
    source: EventSource,
    verdict: Verdict,
    decider: Decider = Decider.none,
  ): void {
    this.#events.count(event.kind, verdict, decider);
    source.answer(event, verdict);
    this.#events.observeDuration(event.kind, this.#clock.read() - this.#clock.readAtMs);
  }

  #failed(failure: EventFailure, { kind, correlationId }: FailedEvent): Verdict {
    this.#moduleMetrics.own.countFailure(failure.code);
    this.#report.report(failure, correlationId, this.#failOpen);
    return failVerdict(failure, this.#failOpen, kind);
  }

  #submit(event: ProxyEvent, source: EventSource, exchange: Exchange | null): PendingEvent | null {
    if (this.#log.debugEnabled) logEvent(this.#log, event);
    const job = new EventJob(event, source, exchange, this, this.#clock.readAtMs);
    const lease = exchange?.lease ?? null;
    if (lease !== null) lease.submit(job);
    else if (this.#ring.leases === "required" && !canStart(event, exchange)) job.fail(exchangeUnknown(event));
    else this.#ring.submit(job);
    if (job.isSettled) return null;
    // Whoever reads it when it is answered finds it as it was.
    retain(event);
    return job;
  }

  #settle(job: EventJob, verdict: Verdict, failure: EventFailure | null): void {
    const { event, source, exchange } = job;
    const final = this.#withDeferred(job, verdict);
    if (!job.isCancelled) {
      this.#events.count(event.kind, final, failure === null ? Decider.guest : Decider.failPolicy);
      source.answer(event, final);
    }
    const ms = (job.endedAtMs > 0 ? job.endedAtMs : this.#clock.read()) - job.startedAtMs;
    if (!job.isCancelled) this.#events.observeDuration(event.kind, ms);
    if (this.#log.debugEnabled) logVerdict(this.#log, event, final, ms, job.isCancelled);
    if (this.#observers.size > 0) {
      this.#observers.onSettled(event, verdict, Math.round(ms * 1000), failure);
    }
    this.#endIfOver(event, source, exchange, final);
  }

  #withDeferred({ event, source, exchange }: EventJob, verdict: Verdict): Verdict {
    if (event.kind === "request-headers") {
      this.#deferred.keep(event, source.peer, exchange, verdict);
      return verdict;
    }
    if (event.kind !== "response-headers" || exchange === null) return verdict;
    return this.#deferred.addTo(verdict, exchange);
  }

  /** Whether later events need what only the request headers say. */
  get #needsRequest(): boolean {
    const { leases, wantsRequest, handles } = this.#ring;
    return leases !== "none" || wantsRequest || handles.has("request-body-chunk");
  }

  #openExchange(event: RequestHeadersEvent): Exchange | null {
    if (this.#needsRequest) return this.#exchanges.open(event.correlationId, toRetained(event));
    if (this.#exchanges.size > 0) this.#exchanges.supersede(event.correlationId);
    return null;
  }

  #findExchange(event: ProxyEvent): Exchange | null {
    return this.#exchanges.size === 0 ? null : this.#exchanges.find(event.correlationId);
  }

  #attachRequest(event: Exclude<ProxyEvent, RequestHeadersEvent>, exchange: Exchange | null): void {
    if (this.#ring.wantsRequest && exchange?.request != null) event.request = exchange.request;
  }

  #endIfOver(event: ProxyEvent, { peer }: EventSource, exchange: Exchange | null, verdict: Verdict): void {
    if (exchange === null) return;
    if (event.kind === "request-headers" && exchange.deferredOps.length > 0) return;
    const isRefused = verdict.decision.kind !== "allow" || verdict.frame?.kind === "close";
    if (isRefused || this.#plan.isLast(event, exchange, peer.hasResponseEvents))
      this.#exchanges.end(exchange, "finished");
  }
}

/** The request as it is kept: as text where that saves decoding it. */
function toRetained(event: RequestHeadersEvent): RetainedRequest {
  return event.toRequestText?.() ?? (retain(event) as RequestHeadersEvent);
}

/** For guests that keep a context: an event with the body is to be waited for. */
function withBody(event: HeadersEvent): HeadersEvent {
  const plain = retain(event) as HeadersEvent;
  plain.bodyFollows = true;
  return plain;
}

/** A stateful guest gets its context with the request headers. */
function canStart(event: ProxyEvent, exchange: Exchange | null): boolean {
  return exchange !== null && event.kind === "request-headers";
}

function exchangeUnknown({ kind }: ProxyEvent): EventFailure {
  return new EventFailure(
    "exchange-unknown",
    `the module keeps state from the request headers on, and the agent has none for this ${kind} event: the exchange has ended (--exchange-timeout-ms, --max-exchanges), or the proxy does not send request_headers to this agent`,
  );
}
