/**
 * What a proxy asks about, free of any wire spelling.
 *
 * Protocols build events, ABIs read them. Every string and every byte in here is hostile: the HTTP client chooses most
 * of them, the correlation id included, so none may become an object key or unescaped log text.
 */

import type { BorrowedEvent } from "./event-text.ts";
import type { RetainedRequest } from "./retained-request.ts";

/** Header names as the proxy sent them (real proxies: lower case), each with its values in order. */
export type HeaderMap = Readonly<Record<string, readonly string[]>>;

export interface RequestMetadata {
  readonly requestId: string;
  /** As the proxy sent it: bare address, `address:port`, `[v6]:port`, `unknown`, or the path of a Unix listener. */
  readonly clientAddress: string;
  /** 0 when unknown. */
  readonly clientPort: number;
  readonly serverName: string | null;
  readonly httpVersion: string;
  readonly tlsVersion: string | null;
  readonly tlsCipher: string | null;
  readonly routeId: string | null;
  readonly upstreamId: string | null;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly traceparent: string | null;
}

export interface RequestHeadersEvent extends BorrowedEvent {
  readonly kind: "request-headers";
  readonly correlationId: string;
  readonly method: string;
  /** Path and query, as the client wrote them. */
  readonly uri: string;
  readonly headers: HeaderMap;
  readonly metadata: RequestMetadata;
  /** Events with the body of this request are expected. Set by the dispatcher for guests that keep a context. */
  bodyFollows?: boolean | undefined;
}

/** An event that follows the request headers of its exchange. */
interface LaterEvent {
  readonly correlationId: string;
  /** The request of the same exchange, when the guest wants it and the agent still has it. Set by the dispatcher. */
  request?: RetainedRequest | undefined;
}

export interface ResponseHeadersEvent extends BorrowedEvent, LaterEvent {
  readonly kind: "response-headers";
  readonly status: number;
  readonly headers: HeaderMap;
  /** As that of a request. */
  bodyFollows?: boolean | undefined;
}

/** A piece of a body, or all of it. Pieces may repeat, and the last one may never come (docs/agent-protocol.md). */
export interface BodyEvent extends LaterEvent {
  readonly kind: "request-body-chunk" | "response-body-chunk";
  /** Decoded; owned by the event and never written to. Empty for the event that only says that the body has ended. */
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
  /** From 0, in order; from 0 again when the proxy starts over. */
  readonly chunkIndex: number;
  /** Size of this event's bytes, as a proxy tells it for buffered bodies; null for a streamed piece. */
  readonly totalBytes: number | null;
  /** Of the body so far, this event included. */
  readonly bytesSoFar: number;
  /** What the dispatcher found out from the rest of the exchange, now or when the event was recorded; absent before. */
  context?: BodyContext | undefined;
}

export interface BodyContext {
  /** A buffered event that does not hold the whole body. What is missing may never come. */
  readonly isTruncated: boolean;
  /** The proxy applies a replacement of these bytes. */
  readonly canReplace: boolean;
  /** A replacement must have exactly as many bytes: the length was announced to the receiver already. */
  readonly mustKeepLength: boolean;
}

export interface WebSocketFrameEvent extends LaterEvent {
  readonly kind: "websocket-frame";
  /** `text`, `binary`, `continuation`, `ping`, `pong`, `close` or `reserved`. */
  readonly opcode: string;
  /** The unmasked payload; owned by the event and never written to. */
  readonly bytes: Uint8Array;
  readonly isFromClient: boolean;
  /** Counted for each direction, from 0. */
  readonly frameIndex: number;
  /** The last fragment of its message. */
  readonly isFinal: boolean;
  readonly routeId: string | null;
  readonly clientAddress: string;
}

export interface GuardrailEvent extends LaterEvent {
  readonly kind: "guardrail-inspect";
  /** `prompt_injection` or `pii_detection`. */
  readonly inspectionType: string;
  readonly content: string;
  readonly model: string | null;
  readonly categories: readonly string[];
  readonly routeId: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** No released proxy sends it (docs/agent-protocol.md). */
export interface RequestCompleteEvent extends LaterEvent {
  readonly kind: "request-complete";
  readonly status: number;
  readonly durationMs: number;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  readonly upstreamAttempts: number;
  readonly error: string | null;
}

export type HeadersEvent = RequestHeadersEvent | ResponseHeadersEvent;

export type ProxyEvent =
  | HeadersEvent
  | BodyEvent
  | WebSocketFrameEvent
  | GuardrailEvent
  | RequestCompleteEvent;

export type EventKind = ProxyEvent["kind"];

export const EVENT_KINDS: readonly EventKind[] = [
  "request-headers",
  "request-body-chunk",
  "response-headers",
  "response-body-chunk",
  "websocket-frame",
  "guardrail-inspect",
  "request-complete",
];
