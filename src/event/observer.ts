/**
 * Somebody who watches events being answered, beside the proxy that asked: a recorder, a developer's screen. Watching
 * changes no verdict.
 */

import type { GuestEvent } from "./event.ts";
import type { Verdict } from "./verdict.ts";

export interface EventObserver {
  /**
   * Called once for each event a guest was asked about, just after its answer was handed over (also when it ended at
   * the fail gate). Called on the socket's thread: it should return quickly. Must not throw.
   *
   * @param verdict what the proxy was told
   * @param us microseconds from the question to the verdict
   */
  onSettled(event: GuestEvent, verdict: Verdict, us: number): void;
}
