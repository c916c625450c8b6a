/**
 * Where our answers to bodies and frames differ on purpose from those of the recorded agent, which tried out what real
 * proxies do. All others are the same.
 */

import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import type { RecordedStep } from "./recorded-exchanges.ts";

export interface EventDifference {
  readonly what: string;
  readonly reason: string;
  readonly appliesTo: (caseName: string, step: RecordedStep, recorded: AcceptedAnswer) => boolean;
  readonly ours: (recorded: AcceptedAnswer) => AcceptedAnswer;
}

interface Chunk {
  readonly total_size?: number | null;
  readonly is_last?: boolean;
}

const REQUEST_BODY = 0x11;
const FRAME = 0x15;

export const EVENT_DIFFERENCES: readonly EventDifference[] = [
  {
    what: "every piece of an upload that goes on asks for its end",
    reason: "chunked uploads announce it only then (docs/agent-protocol.md 9.4)",
    appliesTo: (_name, step, { decision, needsMore }) =>
      step.type === REQUEST_BODY &&
      decision === "allow" &&
      isStreamed(step) &&
      !chunkOf(step).is_last &&
      !needsMore,
    ours: (recorded) => ({ ...recorded, needsMore: true }),
  },
  {
    what: "needs_more is sent neither with a refusal nor with the last piece",
    reason:
      "a refusal with it is ignored by the proxy (docs/agent-protocol.md 9.5), and nothing follows the last piece",
    appliesTo: (_name, step, { decision, needsMore }) =>
      needsMore && (decision !== "allow" || chunkOf(step).is_last === true),
    ours: (recorded) => ({ ...recorded, needsMore: false }),
  },
  {
    what: "headers of a block are sent as operations, too",
    reason:
      "older proxies know no other way, and newer ones ignore the operations (docs/agent-protocol.md 8.2)",
    appliesTo: (_name, _step, { decision }) => typeof decision === "object" && "block" in decision,
    ours: (recorded) => ({ ...recorded, responseHeaders: blockHeaders(recorded) }),
  },
  {
    what: "a replacement that the proxy would ignore is a failure",
    reason:
      "nobody should believe that bytes were replaced when they were not (docs/agent-protocol.md 9.5, 10.2)",
    appliesTo: (name) =>
      name === "hybrid:10: mutation of the buffered part is ignored" || name === "empty replacement: ignored",
    ours: (recorded) => (isReplacing(recorded) ? failed("guest-body-not-replaceable") : recorded),
  },
  {
    what: "a replacement of a response body that is no base64 is a failure",
    reason: "the proxy would leave the body as it is (docs/agent-protocol.md 10.2)",
    appliesTo: (name) => name === "replacement not base64: ignored",
    ours: (recorded) => (isReplacing(recorded) ? failed("guest-result-shape") : recorded),
  },
  {
    what: "a replacement longer than the announced length is a failure",
    reason: "the proxy would cut it (docs/agent-protocol.md 9.6)",
    appliesTo: (name) => name === "stream: replacement longer than Content-Length is cut",
    ours: (recorded) => (isReplacing(recorded) ? failed("guest-body-length") : recorded),
  },
  {
    what: "a block of a frame closes the socket",
    reason: "the proxy looks at nothing but the frame's own decision (docs/agent-protocol.md 11.3)",
    appliesTo: (_name, step, { decision }) => step.type === FRAME && decision !== "allow",
    ours: (recorded) => ({ ...recorded, frame: { close: { code: 1008, reason: "no" } } }),
  },
  {
    what: "detections come without a redacted text",
    reason: "the proxy does nothing with it (docs/agent-protocol.md 12.1)",
    appliesTo: (_name, _step, { routingMetadata }) => routingMetadata["guardrail_response"] !== undefined,
    ours: (recorded) => ({ ...recorded, routingMetadata: withoutRedactedText(recorded) }),
  },
  {
    what: "no replacement is sent for a frame",
    reason: "frames cannot be changed (docs/agent-protocol.md 11.3)",
    appliesTo: (_name, step, recorded) => step.type === FRAME && isReplacing(recorded),
    ours: (recorded) => ({ ...recorded, requestBody: null, responseBody: null }),
  },
];

function blockHeaders({ decision }: AcceptedAnswer): string[] {
  const headers = typeof decision === "object" && "block" in decision ? decision.block.headers : {};
  return Object.entries(headers).map(([name, value]) => `set ${name}: ${value}`);
}

function withoutRedactedText({ routingMetadata }: AcceptedAnswer): Record<string, string> {
  const { redacted_content: _redacted, ...rest } = JSON.parse(
    routingMetadata["guardrail_response"]!,
  ) as object & {
    redacted_content?: string;
  };
  return { ...routingMetadata, guardrail_response: JSON.stringify(rest) };
}

function failed(code: string): AcceptedAnswer {
  return {
    decision: { block: { status: 500, body: "Wasm Error", headers: {} } },
    requestHeaders: [],
    responseHeaders: [],
    tags: ["wasm-error"],
    ruleIds: [],
    reasonCodes: [code],
    confidence: null,
    custom: {},
    routingMetadata: {},
    needsMore: false,
    requestBody: null,
    responseBody: null,
    frame: "allow",
    correlationId: null,
  };
}

function isReplacing({ requestBody, responseBody }: AcceptedAnswer): boolean {
  return requestBody !== null || responseBody !== null;
}

function chunkOf({ text }: RecordedStep): Chunk {
  return JSON.parse(text) as Chunk;
}

function isStreamed(step: RecordedStep): boolean {
  return chunkOf(step).total_size === null;
}
