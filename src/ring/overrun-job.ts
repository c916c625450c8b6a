/**
 * A job whose guest was stopped on the event loop's thread and is called again on another. When its time is up before
 * that could happen, what is to be told is where the guest was stopped, and not that it waited.
 */

import type { ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RingJob } from "./ring-job.ts";

export class OverrunJob implements RingJob {
  readonly #job: RingJob;
  readonly #overrun: EventFailure;

  constructor(job: RingJob, overrun: EventFailure) {
    this.#job = job;
    this.#overrun = overrun;
  }

  get event(): ProxyEvent {
    return this.#job.event;
  }

  get exchange(): Exchange | null {
    return this.#job.exchange;
  }

  get isCancelled(): boolean {
    return this.#job.isCancelled;
  }

  succeed(verdict: Verdict): void {
    this.#job.succeed(verdict);
  }

  fail(failure: EventFailure): void {
    this.#job.fail(failure.code === "queue-timeout" ? this.#expired() : failure);
  }

  #expired(): EventFailure {
    const { code, message, details, cause } = this.#overrun;
    return new EventFailure(
      code,
      `${message}; the event's time was up before a thread could call the guest again`,
      {
        cause,
        details,
      },
    );
  }
}
