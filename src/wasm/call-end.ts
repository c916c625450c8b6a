/**
 * What every ABI asserts behind a call into its guest, before it uses what the call returned.
 */

import { lateFailure } from "../event/late-failure.ts";
import type { Deadline } from "./deadline.ts";
import type { ImportHost } from "./imports/import-host.ts";
import { deadlineFailure } from "./trap.ts";

interface CalledInstance {
  readonly deadline: Deadline;
  readonly imports: ImportHost;
}

/**
 * A guest that catches exceptions can return although it was stopped or has ended itself. Its instance is lost then.
 *
 * @throws EventFailure
 */
export function assertEndedWell({ deadline, imports }: CalledInstance, call: string): void {
  if (deadline.hasExpired) throw deadlineFailure(deadline, call);
  if (imports.fatal !== null) throw imports.fatal;
}

/**
 * A guest can take any time without meeting a check of its fuel (`deadline.ts`); the clock is read here. The instance is
 * healthy, so call this when nothing is left to be done in the guest, or go on after it.
 *
 * @throws EventFailure `guest-deadline`
 */
export function assertInTime({ deadline }: CalledInstance, call: string): void {
  const elapsedMs = deadline.readElapsedMs();
  if (elapsedMs >= deadline.timeoutMs) throw lateFailure(call, elapsedMs, deadline.timeoutMs);
}
