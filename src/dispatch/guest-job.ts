/** One question to the guest on its way through the ring: the thread between an asker and a slot. */

import type { GuestEvent } from "../event/event.ts";
import type { Asker, PendingAnswer } from "../event/exchange.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { RingJob } from "../ring/ring-job.ts";

export interface JobOwner {
  onVerdict(job: GuestJob, verdict: Verdict): void;
  onFailure(job: GuestJob, failure: EventFailure): void;
}

export class GuestJob implements RingJob, PendingAnswer {
  readonly event: GuestEvent;
  readonly asker: Asker;
  /** Milliseconds on the monotonic clock; 0 when nobody wants to know. */
  readonly startedAtMs: number;
  readonly #owner: JobOwner;
  #isSettled = false;
  #isCancelled = false;

  constructor(event: GuestEvent, asker: Asker, owner: JobOwner, startedAtMs: number) {
    this.event = event;
    this.asker = asker;
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
    this.#isCancelled = true;
  }
}
