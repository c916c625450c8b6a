/**
 * Message types of v2 over a Unix socket, from the proxy's code (docs/agent-protocol.md 3.2; written tables elsewhere
 * differ).
 */

import type { EventKind } from "../../event/event.ts";

export const MessageType = {
  handshakeRequest: 0x01,
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
  healthStatus: 0x30,
  metricsReport: 0x31,
  configUpdateRequest: 0x32,
  flowControl: 0x33,
  cancel: 0x40,
  ping: 0x41,
  pong: 0x42,
} as const;

const EVENT_KINDS: readonly (EventKind | undefined)[] = [
  "request-headers",
  "request-body-chunk",
  "response-headers",
  "response-body-chunk",
  "request-complete",
  "websocket-frame",
  "guardrail-inspect",
];

/** The event a type carries, or undefined when it carries none. */
export function eventKindOf(type: number): EventKind | undefined {
  return EVENT_KINDS[type - MessageType.requestHeaders];
}

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(MessageType));

export function isKnownType(type: number): boolean {
  return KNOWN_TYPES.has(type);
}
