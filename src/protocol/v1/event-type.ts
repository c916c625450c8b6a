/**
 * Event names of the v1 envelope (docs/agent-protocol.md 2.2). `configure` is not among them: it is no event for the
 * guest.
 */

import type { EventKind } from "../../event/event.ts";

export const V1_CONFIGURE = "configure";

export const V1_EVENT_KINDS: ReadonlyMap<string, EventKind> = new Map<string, EventKind>([
  ["request_headers", "request-headers"],
  ["request_body_chunk", "request-body-chunk"],
  ["response_headers", "response-headers"],
  ["response_body_chunk", "response-body-chunk"],
  ["request_complete", "request-complete"],
  ["web_socket_frame", "websocket-frame"],
  // Spelling of the written documentation and of SDK clients (docs/agent-protocol.md 16.5).
  ["websocket_frame", "websocket-frame"],
  ["guardrail_inspect", "guardrail-inspect"],
]);
