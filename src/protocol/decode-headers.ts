/** Decodes a headers event from JSON that an event reader has found to be good (event/event-reader.ts). */

import type { HeadersEvent } from "../event/event.ts";
import { decodeEvent, type JsonObject, parseJsonObject } from "./event-decoder.ts";

/** @param isEnveloped `json` is a whole v1 frame, else the payload of a v2 one */
export function decodeHeaders(kind: HeadersEvent["kind"], isEnveloped: boolean, json: string): HeadersEvent {
  const object = parseJsonObject(json);
  return decodeEvent(kind, isEnveloped ? (object["payload"] as JsonObject) : object) as HeadersEvent;
}
