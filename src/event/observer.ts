/**
 * An observer of answered events, beside the proxy: a recorder, a developer's screen. It changes no verdict.
 */

import type { ProxyEvent } from "./event.ts";
import type { EventFailure } from "./failure.ts";
import type { Verdict } from "./verdict.ts";

export interface EventObserver {
  /** It reads the fields of events or keeps them. Without that, an event need not be decoded for it. */
  readonly needsFields: boolean;
  /**
   * Called once for each event that a guest was called for, just after its answer was handed over, on the event
   * loop's thread: it should return quickly, and must not throw. The verdict is immutable and may be kept, and so may the
   * event if the observer needs its fields.
   *
   * @param verdict the guest's own, or that of the failure policy. What the dispatcher adds for the proxy at hand (header
   *   operations deferred from the request) is not in it.
   * @param us microseconds from the event to the verdict
   * @param failure why the failure policy had to decide; null when the guest did
   */
  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void;
  /** This process went on with the connections of another one, before it serves them. */
  onTakeover?(takeover: TakeoverFacts): void;
}

export interface TakeoverFacts {
  /** Connections that go on. */
  readonly connections: number;
  /** The process before had ended without being asked to. */
  readonly afterCrash: boolean;
}
