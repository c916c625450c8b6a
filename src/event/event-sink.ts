/**
 * Events and verdicts between a protocol and the dispatcher. Neither knows more of the other than this.
 */

import type { EventKind, ProxyEvent } from "./event.ts";
import type { EventFailure } from "./failure.ts";
import type { PeerTraits } from "./peer.ts";
import type { Verdict } from "./verdict.ts";

/** Where an event came from. A protocol session implements it once for a connection; no closure is made per event. */
export interface EventSource {
  readonly peer: PeerTraits;
  /** Called exactly once for each event that was not cancelled, during `handle` or any time later. */
  answer(event: ProxyEvent, verdict: Verdict): void;
}

/** An event whose verdict is not there yet. */
export interface PendingEvent {
  /** The source does not wait any more: its `answer` will not be called. */
  cancel(): void;
}

export interface ConfigProblem {
  readonly error: string;
  /** The key it is about; null when it is about more than one, or about none. */
  readonly field: string | null;
}

/** What became of a configuration that the proxy pushed. */
export type ConfigureOutcome =
  /** `problem`: what of it could not be applied, although it was accepted. */
  | { readonly accepted: true; readonly problem?: ConfigProblem }
  | { readonly accepted: false; readonly reason: string };

export interface EventSink {
  /** False: events of this kind are "allow", and need not be decoded to be answered so. */
  handles(kind: EventKind): boolean;
  /**
   * Returns null when the answer was given before it returned, which is the hot path. The event may be borrowed until
   * then: `retain` makes it last.
   */
  handle(event: ProxyEvent, source: EventSource): PendingEvent | null;
  /** An event of a kind that is not handled is answered with "allow" without having been decoded. */
  pass(kind: EventKind): void;
  /** The verdict for an event that could not even be decoded: by the failure policy, and logged. */
  refuse(failure: EventFailure, event: FailedEvent): Verdict;
  /** The verdict that takes the place of the last one, which could not be sent: by the failure policy, and logged. */
  overrule(failure: EventFailure, event: FailedEvent): Verdict;
  /** A configuration block, any JSON. The same content again changes nothing. */
  configure(config: unknown): ConfigureOutcome;
}

/** What the failure policy needs to know of an event. */
export interface FailedEvent {
  readonly kind: EventKind;
  readonly correlationId: string;
}
