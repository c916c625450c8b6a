/** Everyday events, for asking a guest when nobody has named one. */

import type { HeadersEvent } from "../event/event.ts";
import { readEvent } from "../telemetry/recording/event-json.ts";

export function sampleRequest(): HeadersEvent {
  return readEvent({
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

export function sampleResponse(): HeadersEvent {
  return readEvent({
    status: 200,
    correlation_id: "sample",
    headers: { "content-type": "text/html", server: "sample" },
  });
}
