/** How many events of each kind got which answer, since the start. Plain numbers, cheap enough for every event. */

import type { EventKind } from "../event/event.ts";
import type { Decision } from "../event/verdict.ts";

export type CountedEvents = Readonly<
  Record<"requests" | "responses" | "others" | "refused" | "failures", number>
>;

export class EventCounters implements CountedEvents {
  requests = 0;
  responses = 0;
  /** Bodies, frames and whatever else is no headers event. */
  others = 0;
  /** Answers other than allow, of any kind, those of the failure policy included. */
  refused = 0;
  /** Events that the failure policy decided. */
  failures = 0;

  count(kind: EventKind, decision: Decision["kind"]): void {
    if (kind === "request-headers") this.requests++;
    else if (kind === "response-headers") this.responses++;
    else this.others++;
    if (decision !== "allow") this.refused++;
  }

  /** Goes on counting from what another process has counted. */
  add(other: CountedEvents): void {
    this.requests += other.requests;
    this.responses += other.responses;
    this.others += other.others;
    this.refused += other.refused;
    this.failures += other.failures;
  }
}
