/**
 * The failure of an event whose guest was not stopped and came back when its time was up: the verdict is of no use any
 * more, and the guest's state is as good as after any other call.
 */

import { EventFailure } from "./failure.ts";

/** `call`: what returned too late. */
export function lateFailure(call: string, elapsedMs: number, timeoutMs: number): EventFailure {
  return new EventFailure(
    "guest-deadline",
    `the guest returned from ${call} after ${elapsedMs.toFixed(1)} ms; it has ${timeoutMs} ms for one event`,
    { details: { call }, elapsedMs },
  );
}
