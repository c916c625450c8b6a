/** Events about headers as JSON, and the request that later events of its exchange carry. */

import * as v from "valibot";
import type {
  HeaderMap,
  RequestHeadersEvent,
  RequestMetadata,
  ResponseHeadersEvent,
} from "../../event/event.ts";
import type { RequestText, RetainedRequest } from "../../event/retained-request.ts";
import {
  correlationId,
  DEFAULT_CORRELATION_ID,
  headers,
  nullableText,
  parseShape,
  status,
  text,
} from "./event-shape.ts";
import { isRedacted, NOTHING_REDACTED, REDACTED, type RedactedNames } from "./redaction.ts";

export const DEFAULT_CLIENT_IP = "127.0.0.1";
const EPOCH = "1970-01-01T00:00:00+00:00";

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
  kind: v.optional(text),
  correlation_id: correlationId,
  headers: v.optional(headers, {}),
  multi_headers: v.optional(headers),
};

const target = {
  method: v.optional(text, "GET"),
  uri: v.optional(text, "/"),
  client_ip: v.optional(text, DEFAULT_CLIENT_IP),
};

const requestJson = v.strictObject({ ...common, ...target, metadata: v.optional(metadata, {}) });

/** The key `request` of later events. */
export const exchangeRequest = v.optional(
  v.pipe(
    v.strictObject({
      ...target,
      correlation_id: v.optional(text, DEFAULT_CORRELATION_ID),
      headers: v.optional(headers, {}),
      route_id: nullableText,
    }),
    v.transform((json): RetainedRequest => {
      const { route_id: routeId, ...request } = json;
      const plain = readRequest(request);
      return { ...plain, headers: json.headers, metadata: { ...plain.metadata, routeId } };
    }),
  ),
);

const responseJson = v.strictObject({ ...common, status, request: exchangeRequest });

/** @throws InputError `event-shape`, naming the key. */
export function readRequest(value: object): RequestHeadersEvent {
  const json = parseShape(requestJson, value);
  return {
    kind: "request-headers",
    correlationId: json.correlation_id,
    method: json.method,
    uri: json.uri,
    headers: json.multi_headers ?? json.headers,
    metadata: readMetadata(json),
  };
}

/** @throws InputError `event-shape`, naming the key. */
export function readResponse(value: object): ResponseHeadersEvent {
  const json = parseShape(responseJson, value);
  return {
    kind: "response-headers",
    correlationId: json.correlation_id,
    status: json.status,
    headers: json.multi_headers ?? json.headers,
    ...(json.request === undefined ? {} : { request: json.request }),
  };
}

export function writeRequest(event: RequestHeadersEvent, redacted: RedactedNames = NOTHING_REDACTED): object {
  return {
    method: event.method,
    uri: event.uri,
    client_ip: event.metadata.clientAddress,
    correlation_id: event.correlationId,
    headers: writeHeaders(event.headers, redacted),
    metadata: writeMetadata(event.metadata),
  };
}

export function writeResponse(event: ResponseHeadersEvent, redacted: RedactedNames): object {
  return {
    status: event.status,
    correlation_id: event.correlationId,
    headers: writeHeaders(event.headers, redacted),
    ...writeExchangeRequest(event.request, redacted),
  };
}

/** The key `request` with its value; nothing for an event without it. */
export function writeExchangeRequest(request: RetainedRequest | undefined, redacted: RedactedNames): object {
  if (request === undefined) return {};
  if (request.kind === "request-text") return { request: redactText(request, redacted) };
  const { metadata: fields } = request;
  return {
    request: {
      method: request.method,
      uri: request.uri,
      client_ip: fields.clientAddress,
      correlation_id: request.correlationId,
      headers: writeHeaders(request.headers, redacted),
      route_id: fields.routeId,
    },
  };
}

function redactText({ json }: RequestText, redacted: RedactedNames): object {
  const request = JSON.parse(json) as { readonly headers: Readonly<Record<string, string>> };
  const lists = Object.entries(request.headers).map(([name, value]) => [name, [value]] as const);
  return { ...request, headers: writeHeaders(Object.fromEntries(lists), redacted) };
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
