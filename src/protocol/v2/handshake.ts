/**
 * The v2 handshake (docs/agent-protocol.md 3.3): always JSON, always first, answered at once. Every key of the
 * capabilities is required by the proxy, also in a refusal.
 */

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
/** Numbers of supported_events; 8 is the number a reference agent writes for configure. */
const SUPPORTED_REQUEST_HEADERS = 1;
const SUPPORTED_RESPONSE_HEADERS = 3;
const SUPPORTED_CONFIGURE = 8;
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
  const supportedEvents: number[] = [];
  if (profile.handlesRequests) supportedEvents.push(SUPPORTED_REQUEST_HEADERS);
  // A module that only sees requests still has a word on responses: headers it set while answering the request.
  supportedEvents.push(SUPPORTED_RESPONSE_HEADERS);
  if (profile.acceptsConfig) supportedEvents.push(SUPPORTED_CONFIGURE);
  return JSON.stringify({
    protocol_version: PROTOCOL_VERSION,
    capabilities: {
      agent_id: AGENT_ID,
      name: AGENT_NAME,
      version: profile.version,
      supported_events: supportedEvents,
      features: {
        streaming_body: false,
        websocket: false,
        guardrails: false,
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
