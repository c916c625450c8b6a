/** The failure of an event that finds every instance broken: answered at once, never queued. */

import { EventFailure } from "../event/failure.ts";

export function noInstance(): EventFailure {
  return new EventFailure("guest-no-instance", "no instance of the module is sound; new ones are being made");
}
