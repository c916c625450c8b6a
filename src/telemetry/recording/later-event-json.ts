/**
 * Events behind the headers as JSON: bodies, WebSocket frames, guardrail checks, the end of a request. Bytes are written
 * as base64; people may also write them as text.
 */

import * as v from "valibot";
import type {
  BodyContext,
  BodyEvent,
  GuardrailEvent,
  RequestCompleteEvent,
  WebSocketFrameEvent,
} from "../../event/event.ts";
import { InputError } from "../../event/input-error.ts";
import type { RetainedRequest } from "../../event/retained-request.ts";
import {
  base64,
  correlationId,
  count,
  flag,
  mapOf,
  nullableText,
  parseShape,
  status,
  text,
  texts,
} from "./event-shape.ts";
import { DEFAULT_CLIENT_IP, exchangeRequest, writeExchangeRequest } from "./headers-json.ts";
import type { RedactedNames } from "./redaction.ts";

const common = { kind: v.optional(text), correlation_id: correlationId, request: exchangeRequest };

const bodyJson = v.strictObject({
  ...common,
  body: v.optional(text),
  body_base64: v.optional(base64),
  chunk_index: v.optional(count, 0),
  is_last: v.optional(flag, true),
  total_size: v.optional(v.nullable(count)),
  bytes_so_far: v.optional(count),
  truncated: v.optional(flag),
  can_replace: v.optional(flag),
  keep_length: v.optional(flag),
});

const frameJson = v.strictObject({
  ...common,
  payload: v.optional(text),
  payload_base64: v.optional(base64),
  opcode: v.optional(text, "text"),
  client_to_server: v.optional(flag, true),
  frame_index: v.optional(count, 0),
  fin: v.optional(flag, true),
  route_id: nullableText,
  client_ip: v.optional(text, DEFAULT_CLIENT_IP),
});

const guardrailJson = v.strictObject({
  ...common,
  inspection_type: v.optional(text, "pii_detection"),
  content: v.optional(text, ""),
  model: nullableText,
  categories: v.optional(texts, []),
  route_id: nullableText,
  metadata: v.optional(mapOf(text), {}),
});

const completeJson = v.strictObject({
  ...common,
  status: v.optional(status, 200),
  duration_ms: v.optional(count, 0),
  request_body_size: v.optional(count, 0),
  response_body_size: v.optional(count, 0),
  upstream_attempts: v.optional(count, 1),
  error: nullableText,
});

/** A body without `total_size` is a buffered one: the size is that of its bytes. @throws InputError `event-shape` */
export function readBody(kind: BodyEvent["kind"], value: object): BodyEvent {
  const json = parseShape(bodyJson, value);
  const bytes = bytesOf(json.body, json.body_base64, "body");
  const context = readContext(json);
  return {
    kind,
    correlationId: json.correlation_id,
    bytes,
    isLast: json.is_last,
    chunkIndex: json.chunk_index,
    totalBytes: json.total_size === undefined ? bytes.length : json.total_size,
    bytesSoFar: json.bytes_so_far ?? bytes.length,
    ...(context === null ? {} : { context }),
    ...requestMember(json.request),
  };
}

/** @throws InputError `event-shape` */
export function readFrame(value: object): WebSocketFrameEvent {
  const json = parseShape(frameJson, value);
  return {
    kind: "websocket-frame",
    correlationId: json.correlation_id,
    opcode: json.opcode,
    bytes: bytesOf(json.payload, json.payload_base64, "payload"),
    isFromClient: json.client_to_server,
    frameIndex: json.frame_index,
    isFinal: json.fin,
    routeId: json.route_id,
    clientAddress: json.client_ip,
    ...requestMember(json.request),
  };
}

/** @throws InputError `event-shape` */
export function readGuardrail(value: object): GuardrailEvent {
  const json = parseShape(guardrailJson, value);
  return {
    kind: "guardrail-inspect",
    correlationId: json.correlation_id,
    inspectionType: json.inspection_type,
    content: json.content,
    model: json.model,
    categories: json.categories,
    routeId: json.route_id,
    metadata: json.metadata,
    ...requestMember(json.request),
  };
}

/** @throws InputError `event-shape` */
export function readComplete(value: object): RequestCompleteEvent {
  const json = parseShape(completeJson, value);
  return {
    kind: "request-complete",
    correlationId: json.correlation_id,
    status: json.status,
    durationMs: json.duration_ms,
    requestBodyBytes: json.request_body_size,
    responseBodyBytes: json.response_body_size,
    upstreamAttempts: json.upstream_attempts,
    error: json.error,
    ...requestMember(json.request),
  };
}

export function writeBody(event: BodyEvent, redacted: RedactedNames): object {
  const { context } = event;
  return {
    correlation_id: event.correlationId,
    body_base64: encodeBase64(event.bytes),
    chunk_index: event.chunkIndex,
    is_last: event.isLast,
    total_size: event.totalBytes,
    bytes_so_far: event.bytesSoFar,
    ...(context === undefined
      ? {}
      : {
          truncated: context.isTruncated,
          can_replace: context.canReplace,
          keep_length: context.mustKeepLength,
        }),
    ...writeExchangeRequest(event.request, redacted),
  };
}

export function writeFrame(event: WebSocketFrameEvent, redacted: RedactedNames): object {
  return {
    correlation_id: event.correlationId,
    payload_base64: encodeBase64(event.bytes),
    opcode: event.opcode,
    client_to_server: event.isFromClient,
    frame_index: event.frameIndex,
    fin: event.isFinal,
    route_id: event.routeId,
    client_ip: event.clientAddress,
    ...writeExchangeRequest(event.request, redacted),
  };
}

export function writeGuardrail(event: GuardrailEvent, redacted: RedactedNames): object {
  return {
    correlation_id: event.correlationId,
    inspection_type: event.inspectionType,
    content: event.content,
    model: event.model,
    categories: event.categories,
    route_id: event.routeId,
    metadata: event.metadata,
    ...writeExchangeRequest(event.request, redacted),
  };
}

export function writeComplete(event: RequestCompleteEvent, redacted: RedactedNames): object {
  return {
    correlation_id: event.correlationId,
    status: event.status,
    duration_ms: event.durationMs,
    request_body_size: event.requestBodyBytes,
    response_body_size: event.responseBodyBytes,
    upstream_attempts: event.upstreamAttempts,
    error: event.error,
    ...writeExchangeRequest(event.request, redacted),
  };
}

function readContext(json: v.InferOutput<typeof bodyJson>): BodyContext | null {
  const { truncated, can_replace: canReplace, keep_length: keepLength } = json;
  if (truncated === undefined && canReplace === undefined && keepLength === undefined) return null;
  return {
    isTruncated: truncated ?? false,
    canReplace: canReplace ?? false,
    mustKeepLength: keepLength ?? false,
  };
}

function bytesOf(
  plain: string | undefined,
  encoded: Uint8Array<ArrayBuffer> | undefined,
  key: string,
): Uint8Array {
  if (plain !== undefined && encoded !== undefined) {
    throw new InputError("event-shape", `the event has both ${key} and ${key}_base64; give one of them`);
  }
  return encoded ?? Buffer.from(plain ?? "", "utf8");
}

function requestMember(request: RetainedRequest | undefined): { readonly request?: RetainedRequest } {
  return request === undefined ? {} : { request };
}

function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
