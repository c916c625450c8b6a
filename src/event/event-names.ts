/** Kinds of events by the names that operators know: those of the proxy's `events` (docs/agent-protocol.md 15.2). */

import type { EventKind } from "./event.ts";

const KINDS: ReadonlyMap<string, EventKind> = new Map([
  ["request_headers", "request-headers"],
  ["request_body", "request-body-chunk"],
  ["response_headers", "response-headers"],
  ["response_body", "response-body-chunk"],
  ["websocket_frame", "websocket-frame"],
  ["web_socket_frame", "websocket-frame"],
  ["guardrail", "guardrail-inspect"],
  ["request_complete", "request-complete"],
  ["log", "request-complete"],
]);

/** With underscores or hyphens, in any case; null for an unknown name. */
export function eventKindOf(name: string): EventKind | null {
  return KINDS.get(name.trim().toLowerCase().replaceAll("-", "_")) ?? null;
}

/** The name of a kind, as it may be written in the proxy's configuration; with underscores. */
export function eventNameOf(kind: EventKind): string {
  for (const [name, named] of KINDS) if (named === kind) return name;
  return kind;
}

export const EVENT_NAMES =
  "request_headers, request_body, response_headers, response_body, websocket_frame, guardrail and log";
