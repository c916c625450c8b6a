/**
 * Messages as proxies write them (docs/agent-protocol.md 3.3, 3.4, 6), ready to be framed; each test names what matters
 * to it.
 */

export type HeaderLists = Readonly<Record<string, readonly string[]>>;

export interface RequestFacts {
  readonly id?: string;
  readonly method?: string;
  readonly uri?: string;
  readonly headers?: HeaderLists;
  readonly clientIp?: string;
}

export interface ResponseFacts {
  readonly id?: string;
  readonly status?: number;
  readonly headers?: HeaderLists;
}

export interface BodyFacts {
  readonly id?: string;
  readonly bytes?: string | Uint8Array;
  readonly isLast?: boolean;
  readonly index?: number;
  /** Of the body so far. Default: those of this chunk. */
  readonly bytesSoFar?: number;
  /** A piece of a body that is passed on as it comes; else it is one that the proxy holds back. */
  readonly isStreamed?: boolean;
}

export interface FrameFacts {
  readonly id?: string;
  readonly bytes?: string | Uint8Array;
  readonly opcode?: string;
  readonly isFromClient?: boolean;
  readonly index?: number;
  readonly isFinal?: boolean;
}

export interface GuardrailFacts {
  readonly id?: string;
  readonly content?: string;
}

const DEFAULT_ID = "3Nq8aXk2Tz1";

/** v2 message types a proxy sends. */
export const Type = {
  handshake: 0x01,
  handshakeResponse: 0x02,
  requestHeaders: 0x10,
  requestBodyChunk: 0x11,
  responseHeaders: 0x12,
  responseBodyChunk: 0x13,
  requestComplete: 0x14,
  webSocketFrame: 0x15,
  guardrailInspect: 0x16,
  configure: 0x17,
  agentResponse: 0x20,
  configUpdateRequest: 0x32,
  cancel: 0x40,
  ping: 0x41,
  pong: 0x42,
} as const;

export function requestHeaders(facts: RequestFacts = {}): object {
  const id = facts.id ?? DEFAULT_ID;
  return {
    correlation_id: id,
    headers: facts.headers ?? { host: ["a.test"] },
    metadata: {
      client_ip: facts.clientIp ?? "203.0.113.9",
      client_port: 0,
      correlation_id: id,
      protocol: "HTTP/1.1",
      request_id: "b1c9",
      route_id: "api",
      server_name: null,
      timestamp: "2026-07-01T12:00:00+00:00",
      tls_cipher: null,
      tls_version: null,
      upstream_id: null,
    },
    method: facts.method ?? "GET",
    uri: facts.uri ?? "/",
  };
}

export function responseHeaders(facts: ResponseFacts = {}): object {
  return {
    correlation_id: facts.id ?? DEFAULT_ID,
    headers: facts.headers ?? { "content-type": ["text/html"], server: ["nginx"] },
    status: facts.status ?? 200,
  };
}

export function requestBody(facts: BodyFacts = {}): object {
  const { bytesSoFar, ...chunk } = bodyChunk(facts);
  return { ...chunk, bytes_received: bytesSoFar };
}

export function responseBody(facts: BodyFacts = {}): object {
  const { bytesSoFar, ...chunk } = bodyChunk(facts);
  return { ...chunk, bytes_sent: bytesSoFar };
}

function bodyChunk(facts: BodyFacts) {
  const bytes = Buffer.from(facts.bytes ?? "hi");
  return {
    chunk_index: facts.index ?? 0,
    correlation_id: facts.id ?? DEFAULT_ID,
    data: bytes.toString("base64"),
    is_last: facts.isLast ?? true,
    total_size: facts.isStreamed === true ? null : bytes.length,
    bytesSoFar: facts.bytesSoFar ?? bytes.length,
  };
}

export function webSocketFrame(facts: FrameFacts = {}): object {
  return {
    client_ip: "203.0.113.9",
    client_to_server: facts.isFromClient ?? true,
    correlation_id: facts.id ?? DEFAULT_ID,
    data: Buffer.from(facts.bytes ?? "hi").toString("base64"),
    fin: facts.isFinal ?? true,
    frame_index: facts.index ?? 0,
    opcode: facts.opcode ?? "text",
    route_id: null,
  };
}

export function guardrail(facts: GuardrailFacts = {}): object {
  return {
    categories: [],
    content: facts.content ?? "x",
    correlation_id: facts.id ?? DEFAULT_ID,
    inspection_type: "pii_detection",
    metadata: {},
  };
}

/** One message of every other event a proxy can ask about, by its v2 type and its v1 name. */
export function passiveEvents(
  id: string = DEFAULT_ID,
): readonly { type: number; name: string; payload: object }[] {
  return [
    { type: Type.requestBodyChunk, name: "request_body_chunk", payload: requestBody({ id }) },
    { type: Type.responseBodyChunk, name: "response_body_chunk", payload: responseBody({ id }) },
    {
      type: Type.requestComplete,
      name: "request_complete",
      payload: {
        correlation_id: id,
        duration_ms: 3,
        error: null,
        request_body_size: 0,
        response_body_size: 12,
        status: 200,
        upstream_attempts: 1,
      },
    },
    { type: Type.webSocketFrame, name: "web_socket_frame", payload: webSocketFrame({ id }) },
    { type: Type.guardrailInspect, name: "guardrail_inspect", payload: guardrail({ id }) },
  ];
}

export function handshake(proxyVersion: string, config: unknown = null): object {
  return {
    supported_versions: [2],
    proxy_id: "zentinel-proxy",
    proxy_version: proxyVersion,
    config,
    supported_encodings: ["json"],
  };
}

export function v2Configure(config: unknown, number = 0): object {
  return { config, config_version: null, correlation_id: `zentinel-configure-wasm-${number}` };
}

/** The v1 envelope around an event or a configuration. */
export function v1Envelope(eventType: string, payload: object): object {
  return { version: 1, event_type: eventType, payload: withoutTopLevelId(eventType, payload) };
}

export function v1Configure(config: unknown): object {
  return v1Envelope("configure", { agent_id: "wasm", config });
}

/** On v1, request headers carry their id in the metadata alone. */
function withoutTopLevelId(eventType: string, payload: object): object {
  if (eventType !== "request_headers" || !("correlation_id" in payload)) return payload;
  const { correlation_id: _id, ...rest } = payload;
  return rest;
}
