/**
 * Between the protocols and the ring: every event is answered, by the guest, by the fail gate, or with a plain "allow"
 * when no guest has a word on it. Knows neither frames nor pointers.
 */

import type { GuestEvent, ProxyEvent } from "../event/event.ts";
import type { Asker, ConfigureOutcome, EventSink, PendingAnswer } from "../event/exchange.ts";
import { keptEvent } from "../event/event-text.ts";
import type { EventFailure } from "../event/failure.ts";
import type { EventObserver } from "../event/observer.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";
import type { RingJob } from "../ring/ring-job.ts";
import { EventCounters } from "./event-counters.ts";
import { failVerdict } from "./fail-policy.ts";
import { FailureReport } from "./failure-report.ts";
import { GuestJob, type JobOwner } from "./guest-job.ts";
import { RememberedOps } from "./remembered-ops.ts";

/** Where guests are asked. The ring of the moment: a reload puts another one in its place. */
export interface GuestRing {
  submit(job: RingJob): void;
}

export interface DispatcherOptions {
  readonly log: Log;
  readonly failOpen: boolean;
  configure(config: unknown): ConfigureOutcome;
  readonly observer?: EventObserver | null;
}

export class Dispatcher implements EventSink, JobOwner {
  readonly counters = new EventCounters();
  #ring: GuestRing;
  #failOpen: boolean;
  readonly #log: Log;
  readonly #configure: (config: unknown) => ConfigureOutcome;
  readonly #remembered = new RememberedOps();
  readonly #report: FailureReport;
  readonly #observer: EventObserver | null;
  #hasWarnedOfLostOps = false;

  constructor(ring: GuestRing, options: DispatcherOptions) {
    this.#ring = ring;
    this.#failOpen = options.failOpen;
    this.#log = options.log;
    this.#configure = options.configure;
    this.#report = new FailureReport(options.log);
    this.#observer = options.observer ?? null;
  }

  get failOpen(): boolean {
    return this.#failOpen;
  }

  set failOpen(failOpen: boolean) {
    this.#failOpen = failOpen;
  }

  /** From the next event on, guests are asked here. Events under way finish where they started. */
  useRing(ring: GuestRing): void {
    this.#ring = ring;
  }

  ask(event: ProxyEvent, asker: Asker): PendingAnswer | null {
    if (event.kind !== "request-headers" && event.kind !== "response-headers") {
      asker.answer(event, PLAIN_ALLOW);
      return null;
    }
    const debug = this.#log.debugEnabled;
    if (debug) this.#logEvent(event);
    const isTimed = debug || this.#observer !== null;
    // Whoever watches may keep the event.
    if (this.#observer !== null) keptEvent(event);
    const job = new GuestJob(event, asker, this, isTimed ? performance.now() : 0);
    this.#ring.submit(job);
    return job.isSettled ? null : job;
  }

  refuse(failure: EventFailure, correlationId: string): Verdict {
    this.counters.failures++;
    this.#report.report(failure, correlationId, this.#failOpen);
    return failVerdict(failure, this.#failOpen);
  }

  configure(config: unknown): ConfigureOutcome {
    return this.#configure(config);
  }

  /** Writes the counts of failures that were held back from the log. */
  close(): void {
    this.#report.flush();
  }

  onVerdict(job: GuestJob, verdict: Verdict): void {
    this.#settle(job, verdict, null);
  }

  onFailure(job: GuestJob, failure: EventFailure): void {
    this.#settle(job, this.refuse(failure, job.event.correlationId), failure);
  }

  #settle(job: GuestJob, verdict: Verdict, failure: EventFailure | null): void {
    const { event, asker } = job;
    const us = job.startedAtMs === 0 ? 0 : Math.round((performance.now() - job.startedAtMs) * 1000);
    const final =
      event.kind === "request-headers"
        ? this.#afterRequest(event, asker, verdict)
        : this.#afterResponse(event, verdict);
    this.counters.count(event.kind, final.decision.kind);
    if (this.#log.debugEnabled) this.#logVerdict(job, final, us);
    if (!job.isCancelled) asker.answer(event, final);
    this.#observer?.onSettled(keptEvent(event), verdict, us, failure);
  }

  #afterRequest(event: GuestEvent, asker: Asker, verdict: Verdict): Verdict {
    if (asker.peer.keepsResponseOps) return verdict;
    if (verdict.responseHeaders.length === 0 || verdict.decision.kind !== "allow") {
      if (this.#remembered.size > 0) this.#remembered.forget(event.correlationId);
      return verdict;
    }
    if (!asker.peer.hasResponseEvents) {
      this.#warnOfLostOps("protocol v1 has no response events");
    } else if (!this.#remembered.remember(event.correlationId, verdict.responseHeaders)) {
      this.#warnOfLostOps("they are too many or too long to keep until the response comes");
    }
    return verdict;
  }

  #afterResponse(event: GuestEvent, verdict: Verdict): Verdict {
    if (this.#remembered.size === 0) return verdict;
    const remembered = this.#remembered.take(event.correlationId);
    if (remembered === null) return verdict;
    // First those of the request phase, as newer proxies apply them (docs/agent-protocol.md 8.2).
    return { ...verdict, responseHeaders: [...remembered, ...verdict.responseHeaders] };
  }

  #warnOfLostOps(reason: string): void {
    if (this.#hasWarnedOfLostOps) return;
    this.#hasWarnedOfLostOps = true;
    this.#log.warn(
      "response headers set while answering request headers cannot reach the client (said once)",
      {
        reason,
      },
    );
  }

  #logEvent(event: GuestEvent): void {
    this.#log.debug("event", {
      correlation_id: event.correlationId,
      event: event.kind,
      ...(event.kind === "request-headers"
        ? { method: event.method, uri: event.uri }
        : { status: event.status }),
    });
  }

  #logVerdict(job: GuestJob, verdict: Verdict, us: number): void {
    this.#log.debug("verdict", {
      correlation_id: job.event.correlationId,
      event: job.event.kind,
      decision: verdict.decision.kind,
      tags: verdict.audit.tags.join(","),
      us,
      answered: !job.isCancelled,
    });
  }
}
