/**
 * An event that its protocol did not take apart, because the wire and the guests' ABI both speak JSON: the text that
 * guests read, and the means to have the rest after all.
 *
 * Both are borrowed from the protocol's buffer, until `ask` returns. Whoever needs an event for longer, or sends it to
 * another thread, takes `keptEvent` first.
 */

import type { GuestEvent } from "./event.ts";

/** `bytes[start..end)` is ASCII: the JSON of docs/design.md 6.2, with exactly the documented keys. */
export interface EventText {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface BorrowedEvent {
  /** Absent when the event is fields alone. */
  readonly text?: EventText | undefined;
  /** The same event as a plain object that owns its fields; from then on the fields of this one stay valid, too. */
  toPlain?(): GuestEvent;
}

/** The event as a plain object, which may be kept and sent to other threads. */
export function keptEvent(event: GuestEvent): GuestEvent {
  return event.toPlain?.() ?? event;
}
