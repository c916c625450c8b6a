/** The failure of an event whose time was up before an instance was free for it. */

import { EventFailure } from "../event/failure.ts";

export function queueTimeout(waitedMs: number): EventFailure {
  return new EventFailure(
    "queue-timeout",
    `the event waited ${Math.round(waitedMs)} ms for an instance; the module is too slow for this load, so raise --pool-size`,
  );
}
