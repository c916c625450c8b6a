/**
 * Events as JSON for people and files: what guests read (docs/schema/event.json), but with every key optional and
 * header values as one text or a list of them. Recordings hold events in this form, and so do files an author writes.
 */

import * as v from "valibot";
import type { HeadersEvent, HeaderMap, RequestMetadata } from "../../event/event.ts";
import { InputError } from "../../event/input-error.ts";
import { isRedacted, NOTHING_REDACTED, REDACTED, type RedactedNames } from "./redaction.ts";

export const DEFAULT_CLIENT_IP = "127.0.0.1";
export const DEFAULT_CORRELATION_ID = "call";

/** As far as proxies can send one. */
const MAX_STATUS = 65_535;
const EPOCH = "1970-01-01T00:00:00+00:00";

/** Entries come from JSON.parse, so a header called `__proto__` is a header like any other here. */
const headers = v.pipe(
  v.custom<Record<string, unknown>>(isPlainObject, "must be an object of header names and values"),
  v.transform(Object.entries),
  v.array(
    v.tuple([v.string(), v.union([v.string(), v.array(v.string())], "must be a text or a list of texts")]),
  ),
  v.transform((entries) =>
    Object.fromEntries(entries.map(([name, value]) => [name, typeof value === "string" ? [value] : value])),
  ),
);

const text = v.string("must be a text");
const nullableText = v.optional(v.nullable(text), null);

const metadata = v.strictObject({
  request_id: v.optional(text),
  client_port: v.optional(
    v.pipe(v.number("must be a number"), v.integer(), v.minValue(0), v.maxValue(65_535)),
    0,
  ),
  server_name: nullableText,
  protocol: v.optional(text, "HTTP/1.1"),
  tls_version: nullableText,
  tls_cipher: nullableText,
  route_id: nullableText,
  upstream_id: nullableText,
  timestamp: v.optional(text, EPOCH),
  traceparent: nullableText,
});

const common = {
  correlation_id: v.optional(text, DEFAULT_CORRELATION_ID),
  headers: v.optional(headers, {}),
  multi_headers: v.optional(headers),
};

const requestJson = v.strictObject({
  method: v.optional(text, "GET"),
  uri: v.optional(text, "/"),
  client_ip: v.optional(text, DEFAULT_CLIENT_IP),
  metadata: v.optional(metadata, {}),
  ...common,
});

const responseJson = v.strictObject({
  status: v.pipe(
    v.number("must be a number"),
    v.integer("must be a whole number"),
    v.minValue(0, `must be from 0 to ${MAX_STATUS}`),
    v.maxValue(MAX_STATUS, `must be from 0 to ${MAX_STATUS}`),
  ),
  ...common,
});

/**
 * With the key `status` it is a response, without it a request. Missing keys get harmless values.
 *
 * @throws InputError `event-shape`, naming the key.
 */
export function readEvent(value: unknown): HeadersEvent {
  if (!isPlainObject(value)) throw new InputError("event-shape", "an event must be a JSON object");
  return Object.hasOwn(value, "status") ? readResponse(value) : readRequest(value);
}

/** The whole event. Header values are always lists, and all metadata is there. */
export function writeEvent(event: HeadersEvent, redacted: RedactedNames = NOTHING_REDACTED): object {
  const eventHeaders = writeHeaders(event.headers, redacted);
  if (event.kind === "response-headers") {
    return { status: event.status, correlation_id: event.correlationId, headers: eventHeaders };
  }
  return {
    method: event.method,
    uri: event.uri,
    client_ip: event.metadata.clientAddress,
    correlation_id: event.correlationId,
    headers: eventHeaders,
    metadata: writeMetadata(event.metadata),
  };
}

function readRequest(value: object): HeadersEvent {
  const json = parse(requestJson, value);
  return {
    kind: "request-headers",
    correlationId: json.correlation_id,
    method: json.method,
    uri: json.uri,
    headers: json.multi_headers ?? json.headers,
    metadata: readMetadata(json),
  };
}

function readResponse(value: object): HeadersEvent {
  const json = parse(responseJson, value);
  return {
    kind: "response-headers",
    correlationId: json.correlation_id,
    status: json.status,
    headers: json.multi_headers ?? json.headers,
  };
}

function readMetadata(json: v.InferOutput<typeof requestJson>): RequestMetadata {
  const { metadata: fields } = json;
  return {
    requestId: fields.request_id ?? json.correlation_id,
    clientAddress: json.client_ip,
    clientPort: fields.client_port,
    serverName: fields.server_name,
    httpVersion: fields.protocol,
    tlsVersion: fields.tls_version,
    tlsCipher: fields.tls_cipher,
    routeId: fields.route_id,
    upstreamId: fields.upstream_id,
    timestamp: fields.timestamp,
    traceparent: fields.traceparent,
  };
}

function writeMetadata(fields: RequestMetadata): object {
  return {
    request_id: fields.requestId,
    client_port: fields.clientPort,
    server_name: fields.serverName,
    protocol: fields.httpVersion,
    tls_version: fields.tlsVersion,
    tls_cipher: fields.tlsCipher,
    route_id: fields.routeId,
    upstream_id: fields.upstreamId,
    timestamp: fields.timestamp,
    traceparent: fields.traceparent,
  };
}

function writeHeaders(map: HeaderMap, redacted: RedactedNames): object {
  return Object.fromEntries(
    Object.entries(map).map(([name, values]) => [
      name,
      isRedacted(name, redacted) ? values.map(() => REDACTED) : values,
    ]),
  );
}

function parse<T>(schema: v.GenericSchema<unknown, T>, value: object): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "";
  if (issue.type === "strict_object") {
    throw new InputError(
      "event-shape",
      `an event has no key ${JSON.stringify(path)}; the command "schema event" prints all`,
    );
  }
  throw new InputError("event-shape", `${path} of the event ${describeIssue(issue.message)}`);
}

/** Messages of this file begin with "must"; valibot's own are sentences. */
function describeIssue(message: string): string {
  return message.startsWith("must ") ? message : `cannot be used: ${message}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
