/**
 * The binding of an exchange to the instance that holds its guest context. The ring makes it when the exchange starts,
 * and it dies with that instance.
 */

import type { ProxyEvent } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { EndReason } from "./end-reason.ts";

/** One event on its way to an instance. Settled exactly once, by one of its two ends. */
export interface InstanceJob {
  readonly event: ProxyEvent;
  /** Nobody waits any more: it need not start, and its outcome is dropped. */
  readonly isCancelled: boolean;
  /** When its time is up, on this thread's clock; absent for an event that has just arrived. */
  readonly deadlineAtMs?: number;
  succeed(verdict: Verdict): void;
  fail(failure: EventFailure): void;
}

export interface Lease {
  /** It was ended, or its instance is gone. */
  readonly isOver: boolean;
  /** Hands a later event of the exchange to the instance. Fails it when the instance is gone. */
  submit(job: InstanceJob): void;
  /** Runs the guest's own end, now or soon, and frees the context. Never throws. */
  end(reason: EndReason): void;
}
