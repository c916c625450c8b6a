/**
 * What became of an event, as JSON for people and files: the guest's verdict without its empty parts, or the failure in
 * its place. Two of them can be compared.
 */

import * as v from "valibot";
import { EventFailure } from "../../event/failure.ts";
import type { HeaderOp } from "../../event/header-ops.ts";
import type { Decision, Verdict } from "../../event/verdict.ts";
import { isRedacted, NOTHING_REDACTED, REDACTED, type RedactedNames } from "./redaction.ts";

export type Outcome = Verdict | EventFailure;

const headerOp = v.variant("op", [
  v.strictObject({ op: v.picklist(["set", "add"]), name: v.string(), value: v.string() }),
  v.strictObject({ op: v.literal("remove"), name: v.string() }),
]);
const texts = v.array(v.string());

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
    custom: v.optional(v.record(v.string(), v.unknown())),
    routing_metadata: v.optional(v.record(v.string(), v.string())),
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
