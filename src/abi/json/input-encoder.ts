/**
 * Events to the JSON that guests read: exactly the documented keys (docs/schema/event.json), so that strict parsers
 * work. A guest gets more by `sentinel_abi_flags`.
 */

import type {
  BodyEvent,
  GuardrailEvent,
  HeaderMap,
  HeadersEvent,
  ProxyEvent,
  RequestCompleteEvent,
  RequestHeadersEvent,
  RequestMetadata,
  ResponseHeadersEvent,
  WebSocketFrameEvent,
} from "../../event/event.ts";
import { bareAddress } from "../client-address.ts";
import { canonicalHeaderName } from "./header-case.ts";
import { encodeRequest } from "./retained-request.ts";

/** Bits of the guest's `sentinel_abi_flags`. */
export const AbiFlag = { metadata: 1, multiHeaders: 2, request: 4 } as const;

export interface InputForm {
  readonly canonicalHeaderCase: boolean;
  /** What the guest's `sentinel_abi_flags` answered; 0 without that export. */
  readonly abiFlags: number;
}

type Input = Record<string, unknown>;

const VALUE_SEPARATOR = ", ";
const COLON = 58;

/** Without the bytes of bodies and frames, which guests get beside it. */
export function encodeInput(event: ProxyEvent, form: InputForm): string {
  return withRequest(JSON.stringify(inputOf(event, form)), event, form);
}

/** Adds the key `request` to the JSON of a later event whose request the guest wants and the agent has. */
function withRequest(json: string, event: ProxyEvent, form: InputForm): string {
  if (event.kind === "request-headers" || event.request === undefined) return json;
  return `${json.slice(0, -1)},"request":${encodeRequest(event.request, form.canonicalHeaderCase)}}`;
}

function inputOf(event: ProxyEvent, form: InputForm): Input {
  switch (event.kind) {
    case "request-headers":
      return requestInput(event, form);
    case "response-headers":
      return responseInput(event, form);
    case "request-body-chunk":
    case "response-body-chunk":
      return bodyInput(event);
    case "websocket-frame":
      return frameInput(event);
    case "guardrail-inspect":
      return guardrailInput(event);
    case "request-complete":
      return completeInput(event);
    default:
      return event satisfies never;
  }
}

function requestInput(event: RequestHeadersEvent, form: InputForm): Input {
  const input: Input = {
    method: event.method,
    uri: event.uri,
    client_ip: bareAddress(event.metadata.clientAddress),
    correlation_id: event.correlationId,
    headers: joinedHeaders(event.headers, form.canonicalHeaderCase),
  };
  if ((form.abiFlags & AbiFlag.metadata) !== 0) input["metadata"] = metadataKeys(event.metadata);
  addHeaderLists(input, event, form);
  return input;
}

function responseInput(event: ResponseHeadersEvent, form: InputForm): Input {
  const input: Input = {
    status: event.status,
    correlation_id: event.correlationId,
    headers: joinedHeaders(event.headers, form.canonicalHeaderCase),
  };
  addHeaderLists(input, event, form);
  return input;
}

function bodyInput(event: BodyEvent): Input {
  return {
    correlation_id: event.correlationId,
    chunk_index: event.chunkIndex,
    is_last: event.isLast,
    total_size: event.totalBytes,
    truncated: event.context?.isTruncated ?? false,
    can_replace: event.context?.canReplace ?? false,
    keep_length: event.context?.mustKeepLength ?? false,
  };
}

function frameInput(event: WebSocketFrameEvent): Input {
  return {
    correlation_id: event.correlationId,
    opcode: event.opcode,
    client_to_server: event.isFromClient,
    frame_index: event.frameIndex,
    fin: event.isFinal,
  };
}

function guardrailInput(event: GuardrailEvent): Input {
  return {
    correlation_id: event.correlationId,
    inspection_type: event.inspectionType,
    content: event.content,
    model: event.model,
    categories: event.categories,
    route_id: event.routeId,
    metadata: event.metadata,
  };
}

function completeInput(event: RequestCompleteEvent): Input {
  return {
    correlation_id: event.correlationId,
    status: event.status,
    duration_ms: event.durationMs,
    request_body_size: event.requestBodyBytes,
    response_body_size: event.responseBodyBytes,
    upstream_attempts: event.upstreamAttempts,
    error: event.error,
  };
}

function metadataKeys(metadata: RequestMetadata): object {
  return {
    request_id: metadata.requestId,
    client_port: metadata.clientPort,
    server_name: metadata.serverName,
    protocol: metadata.httpVersion,
    tls_version: metadata.tlsVersion,
    tls_cipher: metadata.tlsCipher,
    route_id: metadata.routeId,
    upstream_id: metadata.upstreamId,
    timestamp: metadata.timestamp,
    traceparent: metadata.traceparent,
  };
}

/** A name with its values joined, as most policies want them. */
export function joinedHeaders(headers: HeaderMap, canonicalHeaderCase: boolean): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name in headers) {
    if (isPseudoHeader(name)) continue;
    const values = headers[name]!;
    const value = values.length === 1 ? values[0]! : values.join(VALUE_SEPARATOR);
    setOwn(joined, canonicalHeaderCase ? canonicalHeaderName(name) : name, value);
  }
  return joined;
}

function addHeaderLists(input: Input, { headers }: HeadersEvent, form: InputForm): void {
  if ((form.abiFlags & AbiFlag.multiHeaders) === 0) return;
  const lists: Record<string, readonly string[]> = {};
  for (const name in headers) {
    if (isPseudoHeader(name)) continue;
    setOwn(lists, form.canonicalHeaderCase ? canonicalHeaderName(name) : name, headers[name]!);
  }
  input["multi_headers"] = lists;
}

/** `:method` and `:path` stand among the headers of v1 proxies of January 2026. */
function isPseudoHeader(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

/** A client may send a header called `__proto__`; assigned plainly, it would vanish into the prototype. */
export function setOwn<T>(target: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[name] = value;
  }
}
