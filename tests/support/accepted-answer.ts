/**
 * The proxies' own rules for what an agent may answer (docs/agent-protocol.md 3.3, 3.4, 7): whatever passes here is
 * decoded by every recorded peer, whatever fails is dropped by one of them, and the call behind it runs into its
 * timeout.
 */

import { JsonNumber, parseStrictJson, type StrictJson, type StrictObject } from "./strict-json.ts";

export type Protocol = 1 | 2;

/** A header operation in one line: `set X-A: 1`, `add X-A: 2`, `remove X-B`. */
export type OpLine = string;

/** What the proxy understood, with everything it takes by default filled in. */
export interface AcceptedAnswer {
  readonly decision: AcceptedDecision;
  readonly requestHeaders: readonly OpLine[];
  readonly responseHeaders: readonly OpLine[];
  readonly tags: readonly string[];
  readonly ruleIds: readonly string[];
  readonly reasonCodes: readonly string[];
  readonly confidence: number | null;
  /** Without the correlation id, which is on its own. */
  readonly custom: Readonly<Record<string, unknown>>;
  readonly routingMetadata: Readonly<Record<string, string>>;
  readonly needsMore: boolean;
  /** What takes the place of the event's bytes, as text of the protocol; null leaves them. */
  readonly requestBody: AcceptedMutation | null;
  readonly responseBody: AcceptedMutation | null;
  readonly frame: AcceptedFrame;
  /** `audit.custom.correlation_id`: how a v2 proxy finds the waiting call. */
  readonly correlationId: string | null;
}

export type AcceptedDecision =
  | "allow"
  | {
      readonly block: {
        readonly status: number;
        readonly body: string | null;
        readonly headers: Readonly<Record<string, string>>;
      };
    }
  | { readonly redirect: { readonly url: string; readonly status: number } };

export interface AcceptedMutation {
  readonly data: string | null;
  readonly chunkIndex: number;
}

export type AcceptedFrame =
  | "allow"
  | "drop"
  | { readonly close: { readonly code: number; readonly reason: string } };

/** @throws Error naming the rule that the answer breaks. */
export function acceptAnswer(protocol: Protocol, text: string): AcceptedAnswer {
  const answer = object(parseStrictJson(text), "the answer");
  const version = unsigned(answer.get("version"), "version", 0xffff_ffff);
  if (protocol === 1 && version !== 1) throw new Error(`a v1 proxy takes version 1 only, got ${version}`);
  const audit = answer.has("audit") ? object(answer.get("audit"), "audit") : new Map<string, StrictJson>();
  const custom = audit.has("custom") ? plainObject(object(audit.get("custom"), "audit.custom")) : {};
  const { correlation_id: correlationId, ...rest } = custom;
  if (protocol === 2 && typeof correlationId !== "string") {
    throw new Error("a v2 proxy finds its call through the string audit.custom.correlation_id alone");
  }
  return {
    decision: decision(answer.get("decision")),
    requestHeaders: ops(answer, "request_headers"),
    responseHeaders: ops(answer, "response_headers"),
    tags: strings(audit, "tags"),
    ruleIds: strings(audit, "rule_ids"),
    reasonCodes: strings(audit, "reason_codes"),
    confidence: confidence(audit.get("confidence")),
    custom: rest,
    routingMetadata: answer.has("routing_metadata")
      ? stringValues(object(answer.get("routing_metadata"), "routing_metadata"), "routing_metadata")
      : {},
    needsMore: answer.has("needs_more") && boolean(answer.get("needs_more"), "needs_more"),
    requestBody: mutation(answer.get("request_body_mutation"), "request_body_mutation"),
    responseBody: mutation(answer.get("response_body_mutation"), "response_body_mutation"),
    frame: frameDecision(answer.get("websocket_decision")),
    correlationId: typeof correlationId === "string" ? correlationId : null,
  };
}

/** @throws Error naming the rule that the handshake response breaks. */
export function acceptHandshakeResponse(text: string): {
  readonly success: boolean;
  readonly error: string | null;
} {
  const response = object(parseStrictJson(text), "the handshake response");
  unsigned(response.get("protocol_version"), "protocol_version", 0xffff_ffff);
  const capabilities = object(response.get("capabilities"), "capabilities");
  for (const key of ["agent_id", "name", "version"]) string(capabilities.get(key), `capabilities.${key}`);
  for (const event of array(capabilities.get("supported_events"), "capabilities.supported_events")) {
    unsigned(event, "an entry of supported_events", 0xffff_ffff);
  }
  const features = object(capabilities.get("features"), "capabilities.features");
  for (const key of [
    "streaming_body",
    "websocket",
    "guardrails",
    "config_push",
    "metrics_export",
    "cancellation",
    "flow_control",
    "health_reporting",
  ]) {
    boolean(features.get(key), `features.${key}`);
  }
  unsigned(features.get("concurrent_requests"), "features.concurrent_requests", 0xffff_ffff);
  const limits = object(capabilities.get("limits"), "capabilities.limits");
  unsigned(limits.get("max_body_size"), "limits.max_body_size", Number.MAX_SAFE_INTEGER);
  unsigned(limits.get("max_concurrency"), "limits.max_concurrency", 0xffff_ffff);
  unsigned(limits.get("preferred_chunk_size"), "limits.preferred_chunk_size", Number.MAX_SAFE_INTEGER);
  const error = response.get("error");
  if (error !== undefined && error !== null) string(error, "error");
  const encoding = response.get("encoding");
  if (response.has("encoding") && encoding !== "json") {
    throw new Error(`the proxy offered the encoding json alone, got ${describe(encoding)}`);
  }
  return {
    success: boolean(response.get("success"), "success"),
    error: typeof error === "string" ? error : null,
  };
}

export interface ConfigError {
  readonly error: string;
  readonly field: string | null;
}

/** @throws Error naming the rule that the report of a configuration's problem breaks. */
export function acceptConfigError(text: string): ConfigError {
  const message = object(parseStrictJson(text), "the config update");
  string(message.get("request_id"), "request_id");
  unsigned(message.get("timestamp_ms"), "timestamp_ms", Number.MAX_SAFE_INTEGER);
  const update = object(message.get("update_type"), "update_type");
  const type = string(update.get("type"), "update_type.type");
  if (type !== "config_error") throw new Error(`no other update is sent, got ${type}`);
  const field = update.get("field");
  return {
    error: string(update.get("error"), "update_type.error"),
    field: field === undefined || field === null ? null : string(field, "update_type.field"),
  };
}

function decision(value: StrictJson | undefined): AcceptedDecision {
  if (value === "allow") return "allow";
  const [variant, content] = oneVariant(value, "decision");
  switch (variant) {
    case "block": {
      const block = object(content, "decision.block");
      const headers = block.get("headers");
      const body = block.get("body");
      return {
        block: {
          status: unsigned(block.get("status"), "block.status", 65_535),
          body: body === undefined || body === null ? null : string(body, "block.body"),
          headers:
            headers === undefined || headers === null
              ? {}
              : stringValues(object(headers, "block.headers"), "block.headers"),
        },
      };
    }
    case "redirect": {
      const redirect = object(content, "decision.redirect");
      return {
        redirect: {
          url: string(redirect.get("url"), "redirect.url"),
          status: unsigned(redirect.get("status"), "redirect.status", 65_535),
        },
      };
    }
    default:
      throw new Error(`no proxy knows the decision ${variant}`);
  }
}

function mutation(value: StrictJson | undefined, key: string): AcceptedMutation | null {
  if (value === undefined || value === null) return null;
  const parts = object(value, key);
  const data = parts.get("data");
  return {
    data: data === undefined || data === null ? null : string(data, `${key}.data`),
    chunkIndex: unsigned(parts.get("chunk_index"), `${key}.chunk_index`, 0xffff_ffff),
  };
}

function frameDecision(value: StrictJson | undefined): AcceptedFrame {
  if (value === undefined || value === null || value === "allow") return "allow";
  if (value === "drop") return "drop";
  const [variant, content] = oneVariant(value, "websocket_decision");
  if (variant !== "close") throw new Error(`no proxy knows the frame decision ${variant}`);
  const close = object(content, "websocket_decision.close");
  return {
    close: {
      code: unsigned(close.get("code"), "close.code", 65_535),
      reason: string(close.get("reason"), "close.reason"),
    },
  };
}

function ops(answer: StrictObject, key: string): OpLine[] {
  if (!answer.has(key)) return [];
  return array(answer.get(key), key).map((value) => {
    const [variant, content] = oneVariant(value, key);
    const op = object(content, `${key}.${variant}`);
    const name = string(op.get("name"), `${key}.${variant}.name`);
    if (variant === "remove") return `remove ${name}`;
    if (variant !== "set" && variant !== "add")
      throw new Error(`no proxy knows the header operation ${variant}`);
    return `${variant} ${name}: ${string(op.get("value"), `${key}.${variant}.value`)}`;
  });
}

function oneVariant(value: StrictJson | undefined, key: string): [string, StrictJson] {
  const [variant, ...others] = [...object(value, key)];
  if (variant === undefined || others.length > 0) throw new Error(`${key} must hold exactly one variant`);
  return variant;
}

function confidence(value: StrictJson | undefined): number | null {
  if (value === undefined || value === null) return null;
  if (!(value instanceof JsonNumber)) throw wrong("audit.confidence", "a number or null", value);
  return Number(value.literal);
}

function strings(parent: StrictObject, key: string): string[] {
  if (!parent.has(key)) return [];
  return array(parent.get(key), key).map((value) => string(value, `an entry of ${key}`));
}

function stringValues(parent: StrictObject, key: string): Record<string, string> {
  return Object.fromEntries([...parent].map(([name, value]) => [name, string(value, `${key}.${name}`)]));
}

function plainObject(map: StrictObject): Record<string, unknown> {
  return Object.fromEntries([...map].map(([key, value]) => [key, plain(value)]));
}

function plain(value: StrictJson): unknown {
  if (value instanceof JsonNumber) return Number(value.literal);
  if (value instanceof Map) return plainObject(value);
  return Array.isArray(value) ? value.map(plain) : value;
}

function object(value: StrictJson | undefined, key: string): StrictObject {
  if (!(value instanceof Map)) throw wrong(key, "an object", value);
  return value;
}

function array(value: StrictJson | undefined, key: string): readonly StrictJson[] {
  if (!Array.isArray(value)) throw wrong(key, "an array", value);
  return value;
}

function string(value: StrictJson | undefined, key: string): string {
  if (typeof value !== "string") throw wrong(key, "a string", value);
  return value;
}

function boolean(value: StrictJson | undefined, key: string): boolean {
  if (typeof value !== "boolean") throw wrong(key, "a bool", value);
  return value;
}

function unsigned(value: StrictJson | undefined, key: string, max: number): number {
  if (!(value instanceof JsonNumber) || !value.isUnsignedInteger || Number(value.literal) > max) {
    throw wrong(key, `an integer from 0 to ${max}`, value);
  }
  return Number(value.literal);
}

function wrong(key: string, expected: string, value: StrictJson | undefined): Error {
  return new Error(`${key} must be ${expected}, got ${describe(value)}`);
}

function describe(value: StrictJson | undefined): string {
  if (value === undefined) return "nothing";
  if (value instanceof JsonNumber) return value.literal;
  return value instanceof Map ? "an object" : JSON.stringify(value);
}
