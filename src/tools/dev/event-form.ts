/** Between the form that the playground edits and the neutral event. What comes from the page is checked here. */

import * as v from "valibot";
import type { HeadersEvent, HeaderMap, RequestMetadata } from "../../event/event.ts";
import type { AskRequest, EventForm, HeaderLine } from "./page-messages.ts";

/** The page sent something that no proxy could; the message says what. */
export class FormError extends Error {
  override readonly name = "FormError";
  readonly code = "form-invalid";
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NO_LINE_BREAKS = /^[^\r\n\0]*$/;
const MAX_TEXT_UNITS = 64 * 1024;

const headerLine = v.strictTuple([
  v.pipe(v.string(), v.regex(TOKEN, "a header name must be made of letters, digits and !#$%&'*+-.^_`|~")),
  v.pipe(v.string(), v.regex(NO_LINE_BREAKS, "a header value must not contain line breaks")),
]);
const headers = v.pipe(v.array(headerLine), v.maxLength(500, "at most 500 headers can be sent"));

const formSchema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("request-headers"),
    method: v.pipe(v.string(), v.maxLength(64), v.regex(TOKEN, "the method must be a word such as GET")),
    uri: v.pipe(
      v.string(),
      v.nonEmpty("the uri must not be empty; / is the shortest"),
      v.maxLength(MAX_TEXT_UNITS),
      v.regex(NO_LINE_BREAKS, "the uri must not contain line breaks"),
    ),
    clientIp: v.pipe(v.string(), v.maxLength(256), v.regex(NO_LINE_BREAKS, "the client must be an address")),
    headers,
  }),
  v.strictObject({
    kind: v.literal("response-headers"),
    status: v.pipe(
      v.number("the status must be a number"),
      v.integer("the status must be a whole number"),
      v.minValue(100, "the status must be 100 or more"),
      v.maxValue(999, "the status must be 999 or less"),
    ),
    headers,
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

/** Header names become lower case, as real proxies send them. */
export function eventFromForm(
  form: EventForm,
  correlationId: string,
  base: HeadersEvent | null,
): HeadersEvent {
  const headerMap = headersFrom(form.headers);
  if (form.kind === "response-headers") {
    return { kind: form.kind, correlationId, status: form.status, headers: headerMap };
  }
  const known = base?.kind === "request-headers" ? base.metadata : null;
  return {
    kind: form.kind,
    correlationId,
    method: form.method,
    uri: form.uri,
    headers: headerMap,
    metadata: { ...(known ?? ownMetadata(correlationId)), clientAddress: form.clientIp },
  };
}

export function formFromEvent(event: HeadersEvent): EventForm {
  const lines: HeaderLine[] = [];
  for (const [name, values] of Object.entries(event.headers)) {
    // Pseudo headers are left out for guests, too.
    if (!name.startsWith(":")) for (const value of values) lines.push([name, value]);
  }
  return event.kind === "response-headers"
    ? { kind: event.kind, status: event.status, headers: lines }
    : {
        kind: event.kind,
        method: event.method,
        uri: event.uri,
        clientIp: event.metadata.clientAddress,
        headers: lines,
      };
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
