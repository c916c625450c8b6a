/**
 * Reads headers events straight from the bytes of a JSON wire, for an ABI whose guests read nearly the same JSON. It is
 * optional: a protocol decodes for itself what a reader does not take.
 */

import type { HeadersEvent } from "./event.ts";

export interface EventReader {
  /**
   * The event in `buffer[start..end)`: the payload object, or with `isEnveloped` a whole v1 frame. It is borrowed until
   * the next one is read. Null for everything that is not plainly an event of this kind.
   */
  read(
    kind: HeadersEvent["kind"],
    isEnveloped: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): HeadersEvent | null;
}
