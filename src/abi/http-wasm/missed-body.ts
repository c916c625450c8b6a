/** A body that came after the guest had been told that there is none, or no more of it. */

import type { BodyEvent } from "../../event/event.ts";
import { EventFailure } from "../../event/failure.ts";

/** The bytes must not pass as if the guest had seen them. */
export function missedBody({ kind }: BodyEvent): EventFailure {
  const event = kind === "request-body-chunk" ? "request_body" : "response_body";
  return new EventFailure(
    "guest-body-missed",
    `the module has read to the end of a body of which more came afterwards, so it has not seen all of it; say with --events (or \`events\` in the proxy's configuration of the agent) that ${event} is subscribed`,
  );
}
