/** One event on its way through the ring, between its source and a slot. */

import type { ProxyEvent } from "../event/event.ts";
import type { EventSource, PendingEvent } from "../event/event-sink.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RingJob } from "../ring/ring-job.ts";

export interface JobOwner {
  onVerdict(job: EventJob, verdict: Verdict): void;
  onFailure(job: EventJob, failure: EventFailure): void;
  onCancelled(job: EventJob): void;
}

export class EventJob implements RingJob, PendingEvent {
  readonly event: ProxyEvent;
  readonly source: EventSource;
  readonly exchange: Exchange | null;
  /** Milliseconds on the monotonic clock, when its frame was read. */
  readonly startedAtMs: number;
  endedAtMs = 0;
  readonly #owner: JobOwner;
  #isSettled = false;
  #isCancelled = false;

  constructor(
    event: ProxyEvent,
    source: EventSource,
    exchange: Exchange | null,
    owner: JobOwner,
    startedAtMs: number,
  ) {
    this.event = event;
    this.source = source;
    this.exchange = exchange;
    this.startedAtMs = startedAtMs;
    this.#owner = owner;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  succeed(verdict: Verdict): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#owner.onVerdict(this, verdict);
  }

  fail(failure: EventFailure): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#owner.onFailure(this, failure);
  }

  cancel(): void {
    if (this.#isCancelled || this.#isSettled) return;
    this.#isCancelled = true;
    this.#owner.onCancelled(this);
  }
}
