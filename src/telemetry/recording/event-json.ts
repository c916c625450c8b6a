/**
 * Events as JSON for people and files: what guests read (docs/schema/event.json), but with every key optional, header
 * values as one text or a list of them, the bytes of bodies and frames within, and the key `kind` for what are no
 * headers. Recordings hold events in this form, and so do files an author writes.
 */

import type { EventKind, ProxyEvent } from "../../event/event.ts";
import { EVENT_NAMES, eventKindOf, eventNameOf } from "../../event/event-names.ts";
import { InputError } from "../../event/input-error.ts";
import { isPlainObject } from "./event-shape.ts";
import { readRequest, readResponse, writeRequest, writeResponse } from "./headers-json.ts";
import {
  readBody,
  readComplete,
  readFrame,
  readGuardrail,
  writeBody,
  writeComplete,
  writeFrame,
  writeGuardrail,
} from "./later-event-json.ts";
import { NOTHING_REDACTED, type RedactedNames } from "./redaction.ts";

/**
 * What `kind` says; without it an event with a `status` is a response, any other a request. Missing keys get harmless
 * values.
 *
 * @throws InputError `event-shape`, naming the key.
 */
export function readEvent(value: unknown): ProxyEvent {
  if (!isPlainObject(value)) throw new InputError("event-shape", "an event must be a JSON object");
  const kind = eventKindIn(value);
  switch (kind) {
    case "request-headers":
      return readRequest(value);
    case "response-headers":
      return readResponse(value);
    case "request-body-chunk":
    case "response-body-chunk":
      return readBody(kind, value);
    case "websocket-frame":
      return readFrame(value);
    case "guardrail-inspect":
      return readGuardrail(value);
    case "request-complete":
      return readComplete(value);
    default:
      return kind satisfies never;
  }
}

/** The kind of an event that was not read yet. @throws InputError `event-shape` for one that does not exist. */
export function eventKindIn(value: Readonly<Record<string, unknown>>): EventKind {
  const name = value["kind"];
  if (name === undefined) return Object.hasOwn(value, "status") ? "response-headers" : "request-headers";
  const kind = typeof name === "string" ? eventKindOf(name) : null;
  if (kind === null) throw new InputError("event-shape", `kind of the event must be one of ${EVENT_NAMES}`);
  return kind;
}

/** The whole event. Header values are always lists, and all metadata is there. Events about headers have no `kind`. */
export function writeEvent(event: ProxyEvent, redacted: RedactedNames = NOTHING_REDACTED): object {
  switch (event.kind) {
    case "request-headers":
      return writeRequest(event, redacted);
    case "response-headers":
      return writeResponse(event, redacted);
    default:
      return { kind: eventNameOf(event.kind), ...writeLater(event, redacted) };
  }
}

type LaterEvent = Exclude<ProxyEvent, { readonly kind: "request-headers" | "response-headers" }>;

function writeLater(event: LaterEvent, redacted: RedactedNames): object {
  switch (event.kind) {
    case "request-body-chunk":
    case "response-body-chunk":
      return writeBody(event, redacted);
    case "websocket-frame":
      return writeFrame(event, redacted);
    case "guardrail-inspect":
      return writeGuardrail(event, redacted);
    case "request-complete":
      return writeComplete(event, redacted);
    default:
      return event satisfies never;
  }
}
