/** An event in a few words: `GET /admin`, `response 200`, `request body, 12 bytes`. */

import type { BodyEvent, ProxyEvent } from "../event/event.ts";

/** Hostile text may be in it. */
export function eventTitle(event: ProxyEvent): string {
  switch (event.kind) {
    case "request-headers":
      return `${event.method} ${event.uri}`;
    case "response-headers":
      return `response ${event.status}`;
    case "request-body-chunk":
      return bodyTitle("request body", event);
    case "response-body-chunk":
      return bodyTitle("response body", event);
    case "websocket-frame":
      return `${event.isFromClient ? "client" : "server"} frame ${event.opcode}, ${count(event.bytes.length)}`;
    case "guardrail-inspect":
      return `guardrail ${event.inspectionType}`;
    case "request-complete":
      return `request complete ${event.status}`;
    default:
      return event satisfies never;
  }
}

/** A streamed piece has a number, a buffered body has none. */
function bodyTitle(name: string, { bytes, chunkIndex, isLast, totalBytes }: BodyEvent): string {
  const piece = totalBytes === null ? ` chunk ${chunkIndex}${isLast ? " (last)" : ""}` : "";
  return `${name}${piece}, ${count(bytes.length)}`;
}

function count(bytes: number): string {
  return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
}
