/** A job in the queue for a worker thread. */

import type { RingJob } from "./ring-job.ts";

export interface WaitingJob {
  readonly job: RingJob;
  /**
   * When the event's time is up, which began when it arrived: on the clock of the thread it arrived on. All events have
   * the same time, so this is their order as well.
   */
  readonly deadlineAtMs: number;
}
