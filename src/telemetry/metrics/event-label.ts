/** Kinds of events as a label shows them, and as an index into cells. */

import { EVENT_KINDS, type EventKind } from "../../event/event.ts";

/** In the order of `EVENT_KINDS`. */
export const EVENT_LABELS: readonly string[] = EVENT_KINDS.map((kind) => kind.replaceAll("-", "_"));

/** The common kinds cost a comparison or two. */
export function kindIndex(kind: EventKind): number {
  switch (kind) {
    case "request-headers":
      return 0;
    case "response-headers":
      return 2;
    default:
      return EVENT_KINDS.indexOf(kind);
  }
}
