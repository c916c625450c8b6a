/**
 * JSON payloads to neutral events (docs/agent-protocol.md 6): shared by v1, which wraps them in an envelope, and v2,
 * which adds a top-level correlation id. Unknown keys are ignored, missing nullable keys count as null, everything else
 * is required and checked: a wrong type is a DecodeError that names the key.
 *
 * The checks are written out by hand since this runs for every event.
 */

import { decodeBase64 } from "../event/base64.ts";
import type { BodyEvent, EventKind, HeaderMap, ProxyEvent, RequestMetadata } from "../event/event.ts";
import { hasLoneSurrogate } from "../event/lone-surrogate.ts";
import { DecodeError } from "./decode-error.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses text that must hold one JSON object. */
export function parseJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DecodeError("the payload is not JSON", { cause });
  }
  const object = asObject(value, "the payload");
  if (hasLoneSurrogate(text, object))
    throw new DecodeError("the payload has half a surrogate pair in an escape");
  return object;
}

/** Builds the event of a kind from its payload. `correlationId` null takes the one inside. */
export function decodeEvent(kind: EventKind, payload: JsonObject): ProxyEvent {
  switch (kind) {
    case "request-headers": {
      const metadata = asObject(payload["metadata"], "metadata");
      return {
        kind,
        correlationId: eventCorrelationId(payload),
        method: asString(payload["method"], "method"),
        uri: asString(payload["uri"], "uri"),
        headers: asHeaders(payload["headers"]),
        metadata: decodeMetadata(metadata),
      };
    }
    case "response-headers":
      return {
        kind,
        correlationId: eventCorrelationId(payload),
        status: asUnsigned16(payload["status"], "status"),
        headers: asHeaders(payload["headers"]),
      };
    case "request-body-chunk":
      return decodeBody(kind, payload, payload["bytes_received"]);
    case "response-body-chunk":
      return decodeBody(kind, payload, payload["bytes_sent"]);
    case "websocket-frame":
      return {
        kind,
        correlationId: eventCorrelationId(payload),
        opcode: asString(payload["opcode"], "opcode"),
        bytes: asBase64(payload["data"], "data"),
        isFromClient: asBoolean(payload["client_to_server"], "client_to_server"),
        frameIndex: asCount(payload["frame_index"], "frame_index"),
        isFinal: asBoolean(payload["fin"], "fin"),
        routeId: asNullableString(payload["route_id"], "route_id"),
        clientAddress: asString(payload["client_ip"], "client_ip"),
      };
    case "guardrail-inspect":
      return {
        kind,
        correlationId: eventCorrelationId(payload),
        inspectionType: asString(payload["inspection_type"], "inspection_type"),
        content: asString(payload["content"], "content"),
        model: asNullableString(payload["model"], "model"),
        categories: asStrings(payload["categories"] ?? [], "categories"),
        routeId: asNullableString(payload["route_id"], "route_id"),
        metadata: asStringMap(payload["metadata"] ?? {}, "metadata"),
      };
    case "request-complete":
      return {
        kind,
        correlationId: eventCorrelationId(payload),
        status: asUnsigned16(payload["status"], "status"),
        durationMs: asCount(payload["duration_ms"], "duration_ms"),
        requestBodyBytes: asCount(payload["request_body_size"], "request_body_size"),
        responseBodyBytes: asCount(payload["response_body_size"], "response_body_size"),
        upstreamAttempts: asCount(payload["upstream_attempts"], "upstream_attempts"),
        error: asNullableString(payload["error"], "error"),
      };
    default:
      return kind satisfies never;
  }
}

/** `chunk_index` and the count of bytes are absent before 2025-12-30, and then 0. */
function decodeBody(kind: BodyEvent["kind"], payload: JsonObject, bytesSoFar: unknown): BodyEvent {
  const total = payload["total_size"] ?? null;
  return {
    kind,
    correlationId: eventCorrelationId(payload),
    bytes: asBase64(payload["data"], "data"),
    isLast: asBoolean(payload["is_last"], "is_last"),
    chunkIndex: asCount(payload["chunk_index"] ?? 0, "chunk_index"),
    totalBytes: total === null ? null : asCount(total, "total_size"),
    bytesSoFar: asCount(bytesSoFar ?? 0, kind === "request-body-chunk" ? "bytes_received" : "bytes_sent"),
  };
}

/**
 * The id that the answer must echo: at top level, else in the metadata (docs/agent-protocol.md 3.4), else empty as in
 * the reference. Never throws, so that it also serves events that do not decode.
 */
export function eventCorrelationId(payload: JsonObject): string {
  const topLevel = payload["correlation_id"];
  if (typeof topLevel === "string") return topLevel;
  const metadata = payload["metadata"];
  if (typeof metadata === "object" && metadata !== null) {
    const inner = (metadata as JsonObject)["correlation_id"];
    if (typeof inner === "string") return inner;
  }
  return "";
}

function decodeMetadata(metadata: JsonObject): RequestMetadata {
  return {
    requestId: asString(metadata["request_id"], "metadata.request_id"),
    clientAddress: asString(metadata["client_ip"], "metadata.client_ip"),
    clientPort: asUnsigned16(metadata["client_port"], "metadata.client_port"),
    serverName: asNullableString(metadata["server_name"], "metadata.server_name"),
    httpVersion: asString(metadata["protocol"], "metadata.protocol"),
    tlsVersion: asNullableString(metadata["tls_version"], "metadata.tls_version"),
    tlsCipher: asNullableString(metadata["tls_cipher"], "metadata.tls_cipher"),
    routeId: asNullableString(metadata["route_id"], "metadata.route_id"),
    upstreamId: asNullableString(metadata["upstream_id"], "metadata.upstream_id"),
    timestamp: asString(metadata["timestamp"], "metadata.timestamp"),
    traceparent: asNullableString(metadata["traceparent"], "metadata.traceparent"),
  };
}

function asObject(value: unknown, key: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrongType(key, "an object", value);
  return value as JsonObject;
}

function asString(value: unknown, key: string): string {
  if (typeof value !== "string") throw wrongType(key, "a string", value);
  return value;
}

function asNullableString(value: unknown, key: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw wrongType(key, "a string or null", value);
  return value;
}

function asUnsigned16(value: unknown, key: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw wrongType(key, "an integer from 0 to 65535", value);
  }
  return value;
}

function asBoolean(value: unknown, key: string): boolean {
  if (typeof value !== "boolean") throw wrongType(key, "true or false", value);
  return value;
}

function asCount(value: unknown, key: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw wrongType(key, "an integer of at least 0", value);
  }
  return value;
}

function asBase64(value: unknown, key: string): Uint8Array {
  const bytes = decodeBase64(asString(value, key));
  if (bytes === null) throw new DecodeError(`${key} must be padded base64`);
  return bytes;
}

function asStrings(value: unknown, key: string): readonly string[] {
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw wrongType(key, "an array of strings", value);
  }
  return value as string[];
}

function asStringMap(value: unknown, key: string): Readonly<Record<string, string>> {
  const map = asObject(value, key);
  for (const name in map) asString(map[name], `a value of ${key}`);
  return map as Readonly<Record<string, string>>;
}

function asHeaders(value: unknown): HeaderMap {
  const headers = asObject(value, "headers");
  for (const name in headers) {
    const values = headers[name];
    if (!Array.isArray(values)) throw wrongType("a value of headers", "an array of strings", values);
    for (let i = 0; i < values.length; i++) {
      if (typeof values[i] !== "string")
        throw wrongType("a value of headers", "an array of strings", values[i]);
    }
  }
  return headers as HeaderMap;
}

function wrongType(key: string, expected: string, value: unknown): DecodeError {
  const received =
    value === undefined
      ? "nothing"
      : value === null
        ? "null"
        : Array.isArray(value)
          ? "an array"
          : typeof value;
  return new DecodeError(`${key} must be ${expected}, got ${received}`);
}
