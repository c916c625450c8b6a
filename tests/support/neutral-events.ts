/** Neutral events for tests of the rooms behind the protocols. */

import type { HeaderMap, RequestHeadersEvent, ResponseHeadersEvent } from "../../src/event/event.ts";

export function sampleRequest(
  facts: {
    readonly method?: string;
    readonly uri?: string;
    readonly id?: string;
    readonly headers?: HeaderMap;
  } = {},
): RequestHeadersEvent {
  return {
    kind: "request-headers",
    correlationId: facts.id ?? "id",
    method: facts.method ?? "GET",
    uri: facts.uri ?? "/",
    headers: facts.headers ?? { host: ["a.test"] },
    metadata: {
      requestId: "r",
      clientAddress: "203.0.113.9",
      clientPort: 0,
      serverName: null,
      httpVersion: "HTTP/1.1",
      tlsVersion: null,
      tlsCipher: null,
      routeId: "api",
      upstreamId: null,
      timestamp: "2026-07-01T12:00:00+00:00",
      traceparent: null,
    },
  };
}

export function sampleResponse(
  facts: { readonly status?: number; readonly id?: string } = {},
): ResponseHeadersEvent {
  return {
    kind: "response-headers",
    correlationId: facts.id ?? "id",
    status: facts.status ?? 200,
    headers: { server: ["nginx"] },
  };
}
