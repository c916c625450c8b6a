/** The failure of an event that finds every instance broken: answered at once, never queued. */

import { EventFailure } from "../event/failure.ts";

export function noInstance(): EventFailure {
  return new EventFailure(
    "guest-no-instance",
    "no instance of the module is healthy; new ones are being made",
  );
}

/** The instance is good, and stays for the next event. */
export function madeTooLate(goneMs: number): EventFailure {
  return new EventFailure(
    "guest-no-instance",
    `after ${Math.round(goneMs)} ms, with a fresh instance just made, the event's time was up; make the module start faster or raise --timeout-ms`,
  );
}
