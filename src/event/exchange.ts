/**
 * Question and answer between a protocol and the dispatcher. Neither knows more of the other than this.
 */

import type { ProxyEvent } from "./event.ts";
import type { EventFailure } from "./failure.ts";
import type { PeerTraits } from "./peer.ts";
import type { Verdict } from "./verdict.ts";

/** Who asked. A protocol session implements it once for a connection; no closure is made per event. */
export interface Asker {
  readonly peer: PeerTraits;
  /** Called exactly once for each event that was not cancelled, during `ask` or any time later. */
  answer(event: ProxyEvent, verdict: Verdict): void;
}

/** A question whose answer is not there yet. */
export interface PendingAnswer {
  /** The asker does not wait any more: its `answer` will not be called. */
  cancel(): void;
}

/** What became of a configuration that the proxy pushed. */
export type ConfigureOutcome =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: string };

export interface EventSink {
  /**
   * Returns null when the answer was given before it returned, which is the hot path. The event may be borrowed until
   * then: `keptEvent` makes it last.
   */
  ask(event: ProxyEvent, asker: Asker): PendingAnswer | null;
  /** The verdict for an event that could not even be decoded: the fail policy decides, and the log hears of it. */
  refuse(failure: EventFailure, correlationId: string): Verdict;
  /** A configuration block, any JSON. The same content again changes nothing. */
  configure(config: unknown): ConfigureOutcome;
}
