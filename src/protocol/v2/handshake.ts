/**
 * The v2 handshake (docs/agent-protocol.md 3.3): always JSON, always first, answered at once. Every key of the
 * capabilities is required by the proxy, also in a refusal.
 */

import { EVENT_KINDS, type EventKind } from "../../event/event.ts";
import { DecodeError } from "../decode-error.ts";
import type { JsonObject } from "../event-decoder.ts";
import type { AgentProfile } from "../protocol-options.ts";

export interface Handshake {
  /** False when the proxy names its versions and 2 is not among them. */
  readonly offersV2: boolean;
  readonly proxyId: string;
  readonly proxyVersion: string;
}

const PROTOCOL_VERSION = 2;
const AGENT_ID = "wasm-agent";
const AGENT_NAME = "WebAssembly Agent";
/** Numbers of supported_events. */
const EVENT_NUMBERS: Readonly<Record<EventKind, number>> = {
  "request-headers": 1,
  "request-body-chunk": 2,
  "response-headers": 3,
  "response-body-chunk": 4,
  "request-complete": 5,
  "websocket-frame": 6,
  "guardrail-inspect": 7,
};
/** As the reference agent writes it. */
const CONFIGURE_NUMBER = 8;
const MAX_BODY_BYTES = 10 * 1024 * 1024;
const PREFERRED_CHUNK_BYTES = 64 * 1024;

export function decodeHandshake(payload: JsonObject): Handshake {
  const versions = payload["supported_versions"];
  if (!Array.isArray(versions)) throw new DecodeError("supported_versions must be an array of integers");
  const id = payload["proxy_id"];
  const version = payload["proxy_version"];
  return {
    offersV2: versions.includes(PROTOCOL_VERSION),
    proxyId: typeof id === "string" ? id : "",
    proxyVersion: typeof version === "string" ? version : "",
  };
}

/** `error` null accepts the handshake. */
export function encodeHandshakeResponse(profile: AgentProfile, error: string | null): string {
  const { handles } = profile;
  // A module that only sees requests still changes responses: by headers that it set while answering the request.
  const supported = EVENT_KINDS.filter((kind) => handles.has(kind) || kind === "response-headers");
  const supportedEvents = supported.map((kind) => EVENT_NUMBERS[kind]).sort((a, b) => a - b);
  if (profile.acceptsConfig) supportedEvents.push(CONFIGURE_NUMBER);
  return JSON.stringify({
    protocol_version: PROTOCOL_VERSION,
    capabilities: {
      agent_id: AGENT_ID,
      name: AGENT_NAME,
      version: profile.version,
      supported_events: supportedEvents,
      features: {
        streaming_body: handles.has("request-body-chunk") || handles.has("response-body-chunk"),
        websocket: handles.has("websocket-frame"),
        guardrails: handles.has("guardrail-inspect"),
        config_push: profile.acceptsConfig,
        metrics_export: false,
        concurrent_requests: profile.poolSize,
        cancellation: true,
        flow_control: false,
        health_reporting: false,
      },
      limits: {
        max_body_size: MAX_BODY_BYTES,
        max_concurrency: profile.poolSize,
        preferred_chunk_size: PREFERRED_CHUNK_BYTES,
      },
    },
    success: error === null,
    error,
    encoding: "json",
  });
}
