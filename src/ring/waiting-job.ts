/** A job in line for a worker thread. */

import type { RingJob } from "./ring-job.ts";

export interface WaitingJob {
  readonly job: RingJob;
  /** Milliseconds on the monotonic clock. */
  readonly sinceMs: number;
}
