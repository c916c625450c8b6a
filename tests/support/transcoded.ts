/** One event by both ways: the transcoder, and the decoder followed by the guests' encoder. */

import { encodeInput } from "../../src/abi/json/input-encoder.ts";
import { SHARED_TRANSCODER } from "./shared-transcoder.ts";
import type { HeadersEvent } from "../../src/event/event.ts";
import { DecodeError } from "../../src/protocol/decode-error.ts";
import { decodeEvent, type JsonObject, parseJsonObject } from "../../src/protocol/event-decoder.ts";
import { decodeUtf8 } from "../../src/protocol/text-decoder.ts";
import type { EventTranscoder } from "../../src/abi/json/transcoder/event-transcoder.ts";

/** How an event comes: as a v1 frame, or as the payload of a v2 one. */
export type Way = "v1-request" | "v2-request" | "v2-response";

export const PLAIN_FORM = { abiFlags: 0, canonicalHeaderCase: false };

/** The text that guests read, and the id to answer to; null when the way does not take the frame. */
export interface Transcoded {
  readonly text: string;
  readonly correlationId: string;
}

export function sharedTranscoder(): EventTranscoder {
  return SHARED_TRANSCODER;
}

export function transcode(transcoder: EventTranscoder, way: Way, frame: Buffer): HeadersEvent | null {
  const kind = way === "v2-response" ? "response-headers" : "request-headers";
  return transcoder.read(kind, way === "v1-request", frame, 0, frame.length);
}

export function textOf(event: HeadersEvent): string {
  const text = event.text;
  if (text === undefined) throw new Error("the event has no text");
  return text.bytes.toString("utf8", text.start, text.end);
}

export function byTranscoder(transcoder: EventTranscoder, way: Way, frame: Buffer): Transcoded | null {
  const event = transcode(transcoder, way, frame);
  return event === null ? null : { text: textOf(event), correlationId: event.correlationId };
}

export function byDecoder(way: Way, frame: Buffer): Transcoded | null {
  try {
    let object = parseJsonObject(decodeUtf8(frame, 0, frame.length));
    if (way === "v1-request") {
      if (object["event_type"] !== "request_headers") return null;
      object = object["payload"] as JsonObject;
    }
    const event = decodeEvent(way === "v2-response" ? "response-headers" : "request-headers", object);
    return { text: encodeInput(event as HeadersEvent, PLAIN_FORM), correlationId: event.correlationId };
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TypeError) return null;
    throw error;
  }
}
