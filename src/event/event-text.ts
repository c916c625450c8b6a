/**
 * A headers event that its reader did not take apart, because the wire and the guests' ABI both speak JSON: the text
 * that guests read, and the means to have the fields after all.
 *
 * Both are borrowed from the reader's buffer until `EventSink.handle` returns. Whoever needs an event for longer, or
 * sends it to another thread, calls `retain` first.
 */

import type { ProxyEvent } from "./event.ts";
import type { RequestText } from "./retained-request.ts";

/** `bytes[start..end)` is ASCII: the JSON that guests of the JSON ABI read, with exactly the documented keys. */
export interface EventText {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface BorrowedEvent {
  /** Absent when the event is fields alone. */
  readonly text?: EventText | undefined;
  /** The same event as a plain object that owns its fields; from then on the fields of this one stay valid, too. */
  toPlain?(): ProxyEvent;
  /** A request as later events carry it, without decoding the fields. Absent when the event is fields alone. */
  toRequestText?(): RequestText;
}

/** The event as a plain object, which may be kept and sent to other threads. */
export function retain(event: ProxyEvent): ProxyEvent {
  return isBorrowed(event) ? (event.toPlain?.() ?? event) : event;
}

function isBorrowed(event: ProxyEvent): event is ProxyEvent & BorrowedEvent {
  return event.kind === "request-headers" || event.kind === "response-headers";
}
