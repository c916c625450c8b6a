/**
 * Somebody who watches events being answered, beside the proxy that asked: a recorder, a developer's screen. Watching
 * changes no verdict.
 */

import type { GuestEvent } from "./event.ts";
import type { EventFailure } from "./failure.ts";
import type { Verdict } from "./verdict.ts";

export interface EventObserver {
  /**
   * Called once for each event a guest was asked about, just after its answer was handed over, on the socket's
   * thread: it should return quickly, and must not throw. Event and verdict are immutable and may be kept.
   *
   * @param verdict the guest's own, or that of the fail gate. What the dispatcher adds for the proxy at hand (header
   *   operations remembered from the request) is not in it.
   * @param us microseconds from the question to the verdict
   * @param failure why the fail gate had to decide; null when the guest did
   */
  onSettled(event: GuestEvent, verdict: Verdict, us: number, failure: EventFailure | null): void;
}
