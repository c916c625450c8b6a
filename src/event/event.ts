/**
 * The neutral event: what a proxy asks about, free of any wire spelling.
 *
 * Protocols build events, ABIs read them. Every string in here is hostile: the HTTP client chooses most of them,
 * the correlation id included (docs/agent-protocol.md 6.10), so none may become an object key or unescaped log text.
 */

import type { BorrowedEvent } from "./event-text.ts";

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
}

export interface ResponseHeadersEvent extends BorrowedEvent {
  readonly kind: "response-headers";
  readonly correlationId: string;
  readonly status: number;
  readonly headers: HeaderMap;
}

/** Events that no guest handles today. They are answered "allow", with the shape their answer needs on the wire. */
export interface PassiveEvent {
  readonly kind:
    | "request-body-chunk"
    | "response-body-chunk"
    | "request-complete"
    | "websocket-frame"
    | "guardrail-inspect";
  readonly correlationId: string;
}

/** Events a guest can have an opinion on. */
export type GuestEvent = RequestHeadersEvent | ResponseHeadersEvent;

export type ProxyEvent = GuestEvent | PassiveEvent;

export type EventKind = ProxyEvent["kind"];
