/** One question on its way through the ring. Settled exactly once, by one of its two ends. */

import type { GuestEvent } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";

export interface RingJob {
  readonly event: GuestEvent;
  /** Nobody waits any more: it need not start, and its outcome is dropped. */
  readonly isCancelled: boolean;
  succeed(verdict: Verdict): void;
  fail(failure: EventFailure): void;
}

export function settle(job: RingJob, outcome: Verdict | EventFailure): void {
  if (outcome instanceof Error) job.fail(outcome);
  else job.succeed(outcome);
}
