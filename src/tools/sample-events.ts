/** Everyday events, for asking a guest when nobody has named one. */

import type { EventKind, ProxyEvent, RequestHeadersEvent, ResponseHeadersEvent } from "../event/event.ts";
import { readEvent } from "../telemetry/recording/event-json.ts";
import { readRequest, readResponse } from "../telemetry/recording/headers-json.ts";

export function sampleRequest(): RequestHeadersEvent {
  return readRequest({
    method: "GET",
    uri: "/?page=1",
    client_ip: "203.0.113.9",
    correlation_id: "sample",
    headers: {
      accept: "text/html",
      "accept-language": "en",
      host: "localhost",
      "user-agent": "Mozilla/5.0",
    },
  });
}

export function sampleResponse(): ResponseHeadersEvent {
  return readResponse({
    status: 200,
    correlation_id: "sample",
    headers: { "content-type": "text/html", server: "sample" },
  });
}

const UPLOAD = {
  method: "POST",
  uri: "/comments",
  client_ip: "203.0.113.9",
  correlation_id: "sample",
  headers: { "content-length": "27", "content-type": "application/json", host: "localhost" },
};
const UPGRADE = {
  uri: "/socket",
  client_ip: "203.0.113.9",
  correlation_id: "sample",
  headers: { connection: "upgrade", host: "localhost", upgrade: "websocket" },
};
const SAMPLE = { correlation_id: "sample" };

/** The events of an exchange that lead to one of this kind, which is the last. */
export function sampleExchange(kind: EventKind): readonly ProxyEvent[] {
  switch (kind) {
    case "request-headers":
      return [sampleRequest()];
    case "response-headers":
      return [sampleRequest(), sampleResponse()];
    case "request-body-chunk":
      return [
        readRequest(UPLOAD),
        readEvent({ ...SAMPLE, kind: "request_body", body: '{"comment":"Hello, world!"}' }),
      ];
    case "response-body-chunk":
      return [
        sampleRequest(),
        sampleResponse(),
        readEvent({ ...SAMPLE, kind: "response_body", body: "<!doctype html><title>Hello</title>" }),
      ];
    case "websocket-frame":
      return [
        readRequest(UPGRADE),
        readResponse({ ...SAMPLE, status: 101 }),
        readEvent({ ...SAMPLE, kind: "websocket_frame", payload: "Hello" }),
      ];
    case "guardrail-inspect":
      return [
        sampleRequest(),
        readEvent({
          ...SAMPLE,
          kind: "guardrail",
          content: "Write to ada@shop.example.",
          categories: ["email"],
        }),
      ];
    case "request-complete":
      return [sampleRequest(), sampleResponse(), readEvent({ ...SAMPLE, kind: "request_complete" })];
    default:
      return kind satisfies never;
  }
}
