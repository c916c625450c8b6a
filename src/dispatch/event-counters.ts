/** How many events of each kind got which answer, since the start. Plain numbers, cheap enough for every event. */

import type { GuestEvent } from "../event/event.ts";
import type { Decision } from "../event/verdict.ts";

export class EventCounters {
  requests = 0;
  responses = 0;
  /** Answers other than allow, of either kind, those of the fail gate included. */
  refused = 0;
  /** Events that ended at the fail gate. */
  failures = 0;

  count(kind: GuestEvent["kind"], decision: Decision["kind"]): void {
    if (kind === "request-headers") this.requests++;
    else this.responses++;
    if (decision !== "allow") this.refused++;
  }
}
