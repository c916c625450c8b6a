/**
 * What became of an event, as JSON for people and files: the guest's verdict without its empty parts, or the failure in
 * its place. Two of them can be compared.
 */

import { isUtf8 } from "node:buffer";
import * as v from "valibot";
import { EventFailure } from "../../event/failure.ts";
import type { HeaderOp } from "../../event/header-ops.ts";
import type { Decision, Detection, FrameDecision, Verdict } from "../../event/verdict.ts";
import { mapOf } from "./event-shape.ts";
import { isRedacted, NOTHING_REDACTED, REDACTED, type RedactedNames } from "./redaction.ts";

export type Outcome = Verdict | EventFailure;

const headerOp = v.variant("op", [
  v.strictObject({ op: v.picklist(["set", "add"]), name: v.string(), value: v.string() }),
  v.strictObject({ op: v.literal("remove"), name: v.string() }),
]);
const texts = v.array(v.string());

const detection = v.object({
  category: v.string(),
  description: v.string(),
  severity: v.string(),
  confidence: v.optional(v.number()),
  span: v.optional(v.object({ start: v.number(), end: v.number() })),
});

/** The shape in which outcomes stand in recordings; keys with nothing to say are left out. */
export const outcomeSchema = v.union([
  v.object({
    decision: v.picklist(["allow", "block", "redirect"]),
    status: v.optional(v.number()),
    body: v.optional(v.string()),
    location: v.optional(v.string()),
    request_headers: v.optional(v.array(headerOp)),
    response_headers: v.optional(v.array(headerOp)),
    tags: v.optional(texts),
    rule_ids: v.optional(texts),
    reason_codes: v.optional(texts),
    confidence: v.optional(v.number()),
    custom: v.optional(mapOf(v.unknown())),
    routing_metadata: v.optional(mapOf(v.string())),
    replace_body: v.optional(v.string()),
    replace_body_base64: v.optional(v.string()),
    needs_more: v.optional(v.boolean()),
    frame: v.optional(
      v.union([
        v.picklist(["allow", "drop"]),
        v.object({ close: v.object({ code: v.number(), reason: v.string() }) }),
      ]),
    ),
    detections: v.optional(v.array(detection)),
  }),
  v.object({ failure: v.string(), reason: v.optional(v.string()) }),
]);

export type OutcomeJson = v.InferOutput<typeof outcomeSchema>;
export type VerdictJson = Extract<OutcomeJson, { readonly decision: string }>;
export type FailureJson = Extract<OutcomeJson, { readonly failure: string }>;

export function isFailure(outcome: OutcomeJson): outcome is FailureJson {
  return "failure" in outcome;
}

export function writeOutcome(outcome: Outcome, redacted: RedactedNames = NOTHING_REDACTED): OutcomeJson {
  if (outcome instanceof EventFailure) return { failure: outcome.code, reason: outcome.message };
  const { decision, audit, routingMetadata } = outcome;
  return {
    ...writeDecision(decision),
    ...listOrNothing("request_headers", writeOps(outcome.requestHeaders, redacted)),
    ...listOrNothing("response_headers", writeOps(outcome.responseHeaders, redacted)),
    ...listOrNothing("tags", [...audit.tags]),
    ...listOrNothing("rule_ids", [...audit.ruleIds]),
    ...listOrNothing("reason_codes", [...audit.reasonCodes]),
    ...(audit.confidence === null ? {} : { confidence: audit.confidence }),
    ...(audit.custom === null ? {} : { custom: audit.custom }),
    ...(routingMetadata === null ? {} : { routing_metadata: routingMetadata }),
    ...writeKindMembers(outcome),
  };
}

/** What only verdicts on bodies, frames and guardrail checks have, in the words of results (docs/design.md 6.3). */
function writeKindMembers({ replacement, needsMore, frame, detections }: Verdict): Partial<VerdictJson> {
  return {
    ...(replacement === undefined ? {} : writeReplacement(replacement)),
    ...(needsMore === true ? { needs_more: true } : {}),
    ...(frame === undefined ? {} : { frame: writeFrameDecision(frame) }),
    ...(detections === undefined ? {} : { detections: detections.map(writeDetection) }),
  };
}

/** As text where that loses nothing. */
function writeReplacement(bytes: Uint8Array): Partial<VerdictJson> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return isUtf8(buffer)
    ? { replace_body: buffer.toString("utf8") }
    : { replace_body_base64: buffer.toString("base64") };
}

function writeFrameDecision(frame: FrameDecision): VerdictJson["frame"] {
  return frame.kind === "close" ? { close: { code: frame.code, reason: frame.reason } } : frame.kind;
}

function writeDetection({ confidence, span, ...rest }: Detection): v.InferOutput<typeof detection> {
  return {
    ...rest,
    ...(confidence === null ? {} : { confidence }),
    ...(span === null ? {} : { span }),
  };
}

function writeDecision(decision: Decision): Pick<VerdictJson, "decision" | "status" | "body" | "location"> {
  switch (decision.kind) {
    case "allow":
      return { decision: "allow" };
    case "block":
      return {
        decision: "block",
        status: decision.status,
        ...(decision.body === null ? {} : { body: decision.body }),
      };
    case "redirect":
      return {
        decision: "redirect",
        status: decision.status,
        ...(decision.location === null ? {} : { location: decision.location }),
      };
  }
}

function writeOps(ops: readonly HeaderOp[], redacted: RedactedNames): HeaderOp[] {
  return ops.map((op) =>
    "value" in op && isRedacted(op.name, redacted) ? { ...op, value: REDACTED } : { ...op },
  );
}

function listOrNothing<K extends string, T>(key: K, list: T[]): { [key in K]?: T[] } {
  return list.length === 0 ? {} : ({ [key]: list } as { [key in K]: T[] });
}
