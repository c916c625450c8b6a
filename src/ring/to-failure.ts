/** Whatever a call into a guest threw, as a failure of its event. */

import { EventFailure } from "../event/failure.ts";

export function toFailure(error: unknown): EventFailure {
  if (error instanceof EventFailure) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new EventFailure("agent-internal", `the agent failed while calling the guest: ${reason}`, {
    cause: error,
  });
}
