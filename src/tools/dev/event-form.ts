/** Between the form that the playground edits and neutral events. What comes from the page is checked here. */

import * as v from "valibot";
import type {
  HeaderMap,
  ProxyEvent,
  RequestHeadersEvent,
  RequestMetadata,
  ResponseHeadersEvent,
} from "../../event/event.ts";
import { bodyEvents, frameEvent, SWITCHING_PROTOCOLS, UPGRADE_HEADERS } from "../payload-events.ts";
import type { AskRequest, EventForm, HeaderLine, RequestForm, ResponseForm } from "./page-messages.ts";
import { payloadBytes, payloadForm } from "./payload-form.ts";

/** The page sent something that no proxy could; the message says what. */
export class FormError extends Error {
  override readonly name = "FormError";
  readonly code = "form-invalid";
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NO_LINE_BREAKS = /^[^\r\n\0]*$/;
const HEX = /^\s*(?:[0-9a-fA-F]{2}\s*)*$/;
const MAX_TEXT_UNITS = 64 * 1024;
const MAX_PAYLOAD_UNITS = 256 * 1024;
const FRAME_OPCODES = ["text", "binary", "continuation", "ping", "pong", "close", "reserved"] as const;

const headerLine = v.strictTuple([
  v.pipe(v.string(), v.regex(TOKEN, "a header name must be made of letters, digits and !#$%&'*+-.^_`|~")),
  v.pipe(v.string(), v.regex(NO_LINE_BREAKS, "a header value must not contain line breaks")),
]);
const headers = v.pipe(v.array(headerLine), v.maxLength(500, "at most 500 headers can be sent"));

const requestEntries = {
  method: v.pipe(v.string(), v.maxLength(64), v.regex(TOKEN, "the method must be a word such as GET")),
  uri: v.pipe(
    v.string(),
    v.nonEmpty("the uri must not be empty; / is the shortest"),
    v.maxLength(MAX_TEXT_UNITS),
    v.regex(NO_LINE_BREAKS, "the uri must not contain line breaks"),
  ),
  clientIp: v.pipe(v.string(), v.maxLength(256), v.regex(NO_LINE_BREAKS, "the client must be an address")),
  headers,
};
const responseEntries = {
  status: v.pipe(
    v.number("the status must be a number"),
    v.integer("the status must be a whole number"),
    v.minValue(100, "the status must be 100 or more"),
    v.maxValue(999, "the status must be 999 or less"),
  ),
  headers,
};
const request = v.nullable(v.strictObject(requestEntries));
const response = v.nullable(v.strictObject(responseEntries));
const payload = v.variant("encoding", [
  v.strictObject({ encoding: v.literal("text"), value: v.pipe(v.string(), v.maxLength(MAX_PAYLOAD_UNITS)) }),
  v.strictObject({
    encoding: v.literal("hex"),
    value: v.pipe(
      v.string(),
      v.maxLength(MAX_PAYLOAD_UNITS),
      v.regex(HEX, "hexadecimal bytes have two digits each, such as 00 ff"),
    ),
  }),
]);

const formSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("request-headers"), ...requestEntries }),
  v.strictObject({ kind: v.literal("response-headers"), request, ...responseEntries }),
  v.strictObject({ kind: v.literal("request-body-chunk"), request, payload, isStreamed: v.boolean() }),
  v.strictObject({ kind: v.literal("response-body-chunk"), request, response, payload }),
  v.strictObject({
    kind: v.literal("websocket-frame"),
    request,
    payload,
    opcode: v.picklist(FRAME_OPCODES),
    isFromClient: v.boolean(),
  }),
  v.strictObject({
    kind: v.literal("guardrail-inspect"),
    request,
    inspectionType: v.pipe(v.string(), v.maxLength(64)),
    content: v.pipe(v.string(), v.maxLength(MAX_PAYLOAD_UNITS)),
  }),
]);

const askSchema = v.strictObject({
  form: v.nullable(formSchema),
  basedOn: v.nullable(v.number()),
  config: v.pipe(v.string(), v.maxLength(MAX_TEXT_UNITS)),
});

/** @throws FormError */
export function parseAskRequest(body: unknown): AskRequest {
  const result = v.safeParse(askSchema, body);
  if (!result.success) throw new FormError(result.issues[0].message);
  const { config } = result.output;
  if (config.trim() !== "" && !isJson(config)) throw new FormError("the configuration is not valid JSON");
  return result.output;
}

/**
 * The event of the form behind those that a proxy sends before it, all of one exchange. At least one.
 *
 * @param base the request that the form began as
 */
export function exchangeFromForm(
  form: EventForm,
  correlationId: string,
  base: RequestHeadersEvent | null,
): readonly ProxyEvent[] {
  const requestOf = (implied: readonly HeaderLine[] = []): readonly RequestHeadersEvent[] =>
    form.kind === "request-headers" || form.request === null
      ? []
      : [
          requestEvent(
            { ...form.request, headers: withImplied(form.request.headers, implied) },
            correlationId,
            base,
          ),
        ];
  switch (form.kind) {
    case "request-headers":
      return [requestEvent(form, correlationId, base)];
    case "response-headers":
      return [...requestOf(), responseEvent(form, correlationId)];
    case "request-body-chunk": {
      const bytes = payloadBytes(form.payload);
      const announced = form.request?.headers.some(([name]) => name.toLowerCase() === "transfer-encoding");
      const body = bodyEvents({ kind: form.kind, correlationId, bytes, isStreamed: form.isStreamed });
      return [...requestOf(announced ? [] : [["content-length", String(bytes.length)]]), ...body];
    }
    case "response-body-chunk": {
      const before = form.response === null ? [] : [responseEvent(form.response, correlationId)];
      const bytes = payloadBytes(form.payload);
      return [
        ...requestOf(),
        ...before,
        ...bodyEvents({ kind: form.kind, correlationId, bytes, isStreamed: false }),
      ];
    }
    case "websocket-frame": {
      const request = requestOf(UPGRADE_HEADERS);
      const upgrade = responseEvent({ status: SWITCHING_PROTOCOLS, headers: UPGRADE_HEADERS }, correlationId);
      const frame = frameEvent({
        correlationId,
        opcode: form.opcode,
        bytes: payloadBytes(form.payload),
        isFromClient: form.isFromClient,
        clientAddress: form.request?.clientIp ?? "",
      });
      return [...request, ...(request.length === 0 ? [] : [upgrade]), frame];
    }
    case "guardrail-inspect":
      return [
        ...requestOf(),
        {
          kind: form.kind,
          correlationId,
          inspectionType: form.inspectionType,
          content: form.content,
          model: null,
          categories: [],
          routeId: null,
          metadata: {},
        },
      ];
    default:
      return form satisfies never;
  }
}

/** Null for an event that the page cannot edit. */
export function formFromExchange(events: readonly ProxyEvent[]): EventForm | null {
  const event = events.at(-1);
  if (event === undefined) return null;
  const first = events[0]?.kind === "request-headers" ? events[0] : null;
  const request = first === null ? null : requestForm(first);
  switch (event.kind) {
    case "request-headers":
      return { kind: event.kind, ...requestForm(event) };
    case "response-headers":
      return { kind: event.kind, request, ...responseForm(event) };
    case "request-body-chunk":
      return {
        kind: event.kind,
        request,
        payload: payloadForm(event.bytes),
        isStreamed: event.totalBytes === null,
      };
    case "response-body-chunk": {
      const before = events.findLast((earlier) => earlier.kind === "response-headers");
      const response = before === undefined ? null : responseForm(before);
      return { kind: event.kind, request, response, payload: payloadForm(event.bytes) };
    }
    case "websocket-frame": {
      const { opcode, isFromClient } = event;
      return { kind: event.kind, request, opcode, isFromClient, payload: payloadForm(event.bytes) };
    }
    case "guardrail-inspect":
      return { kind: event.kind, request, inspectionType: event.inspectionType, content: event.content };
    case "request-complete":
      return null;
    default:
      return event satisfies never;
  }
}

/** Header names become lower case, as real proxies send them. */
function requestEvent(
  { method, uri, clientIp, headers: lines }: RequestForm,
  correlationId: string,
  base: RequestHeadersEvent | null,
): RequestHeadersEvent {
  return {
    kind: "request-headers",
    correlationId,
    method,
    uri,
    headers: headersFrom(lines),
    metadata: { ...(base?.metadata ?? ownMetadata(correlationId)), clientAddress: clientIp },
  };
}

function responseEvent(
  { status, headers: lines }: ResponseForm,
  correlationId: string,
): ResponseHeadersEvent {
  return { kind: "response-headers", correlationId, status, headers: headersFrom(lines) };
}

function requestForm({ method, uri, metadata, headers: map }: RequestHeadersEvent): RequestForm {
  return { method, uri, clientIp: metadata.clientAddress, headers: linesOf(map) };
}

function responseForm({ status, headers: map }: ResponseHeadersEvent): ResponseForm {
  return { status, headers: linesOf(map) };
}

/** Pseudo headers are left out for guests, too. */
function linesOf(map: HeaderMap): readonly HeaderLine[] {
  return Object.entries(map).flatMap(([name, values]) =>
    name.startsWith(":") ? [] : values.map((value) => [name, value] as const),
  );
}

/** What a client sends along, unless the form says something else. */
function withImplied(lines: readonly HeaderLine[], implied: readonly HeaderLine[]): readonly HeaderLine[] {
  const given = new Set(lines.map(([name]) => name.toLowerCase()));
  return [...lines, ...implied.filter(([name]) => !given.has(name))];
}

function headersFrom(lines: readonly HeaderLine[]): HeaderMap {
  const map = new Map<string, string[]>();
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    const values = map.get(key);
    if (values === undefined) map.set(key, [value]);
    else values.push(value);
  }
  return Object.fromEntries(map);
}

function ownMetadata(correlationId: string): RequestMetadata {
  return {
    requestId: correlationId,
    clientAddress: "",
    clientPort: 0,
    serverName: null,
    httpVersion: "HTTP/1.1",
    tlsVersion: null,
    tlsCipher: null,
    routeId: null,
    upstreamId: null,
    timestamp: new Date().toISOString(),
    traceparent: null,
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
