/** One event on its way through the ring. */

import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { InstanceJob } from "../exchange/lease.ts";

export interface RingJob extends InstanceJob {
  /** Its exchange, if one is kept. A ring of stateful guests puts a lease there. */
  readonly exchange: Exchange | null;
  /** Milliseconds on the monotonic clock, when the call of the guest was over; set before the job is settled, if known. */
  endedAtMs?: number;
}

export function settle(job: InstanceJob, outcome: Verdict | EventFailure): void {
  if (outcome instanceof Error) job.fail(outcome);
  else job.succeed(outcome);
}
