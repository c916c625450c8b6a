/**
 * Says where two outcomes of one event differ, in words. The order of operations on different headers makes no
 * difference, nor does the wording of a failure; a value that was redacted when it was recorded equals any other.
 */

import type { HeaderOp } from "../event/header-ops.ts";
import { isFailure, type OutcomeJson, type VerdictJson } from "../telemetry/recording/outcome-json.ts";
import { REDACTED } from "../telemetry/recording/redaction.ts";

export interface Difference {
  /** A key of the outcome, or `request_headers: x-name`. */
  readonly where: string;
  readonly before: string;
  readonly after: string;
}

const NOTHING = "nothing";

const COMPARED_KEYS = [
  "tags",
  "rule_ids",
  "reason_codes",
  "confidence",
  "custom",
  "routing_metadata",
  "replace_body",
  "replace_body_base64",
  "needs_more",
  "detections",
] as const;
const OP_KEYS = ["request_headers", "response_headers"] as const;

/** Empty when both come to the same. */
export function compareOutcomes(before: OutcomeJson, after: OutcomeJson): readonly Difference[] {
  const decisions = [showDecision(before), showDecision(after)] as const;
  const differences = decisions[0] === decisions[1] ? [] : [difference("decision", ...decisions)];
  if (isFailure(before) || isFailure(after)) return differences;
  return [
    ...differences,
    ...OP_KEYS.flatMap((key) => compareOps(key, before, after)),
    ...compareRest(before, after),
  ];
}

/**
 * `allow`, `block 403 "Forbidden"`, `redirect 302 to "/login"`, or `failure guest-trap`; for a WebSocket frame what becomes
 * of it, which is all that counts then: `frame drop`, `frame close 1008 "no"`.
 */
export function showDecision(outcome: OutcomeJson): string {
  if (isFailure(outcome)) return `failure ${outcome.failure}`;
  if (outcome.frame !== undefined) return showFrame(outcome.frame);
  const status = outcome.status === undefined ? "" : ` ${outcome.status}`;
  const body = outcome.body === undefined ? "" : ` ${JSON.stringify(outcome.body)}`;
  const location = outcome.location === undefined ? "" : ` to ${JSON.stringify(outcome.location)}`;
  return `${outcome.decision}${status}${body}${location}`;
}

function showFrame(frame: NonNullable<VerdictJson["frame"]>): string {
  if (typeof frame === "string") return `frame ${frame}`;
  const { code, reason } = frame.close;
  return `frame close ${code}${reason === "" ? "" : ` ${JSON.stringify(reason)}`}`;
}

function compareRest(before: VerdictJson, after: VerdictJson): Difference[] {
  return COMPARED_KEYS.filter((key) => !Bun.deepEquals(before[key], after[key])).map((key) =>
    difference(key, show(before[key]), show(after[key])),
  );
}

function compareOps(key: (typeof OP_KEYS)[number], before: VerdictJson, after: VerdictJson): Difference[] {
  const oldOps = opsByName(before[key] ?? []);
  const newOps = opsByName(after[key] ?? []);
  const names = [...new Set([...oldOps.keys(), ...newOps.keys()])].sort();
  return names.flatMap((name) => {
    const old = oldOps.get(name) ?? [];
    const now = newOps.get(name) ?? [];
    const isSame = old.length === now.length && old.every((op, i) => isSameOp(op, now[i]));
    return isSame ? [] : [difference(`${key}: ${name}`, showOps(old), showOps(now))];
  });
}

/** Under lower-case names, in the order in which they apply. */
function opsByName(ops: readonly HeaderOp[]): ReadonlyMap<string, HeaderOp[]> {
  return Map.groupBy(ops, ({ name }) => name.toLowerCase());
}

function isSameOp(old: HeaderOp, now: HeaderOp | undefined): boolean {
  if (old.op !== now?.op) return false;
  return old.op === "remove" || now.op === "remove" || old.value === REDACTED || old.value === now.value;
}

function showOps(ops: readonly HeaderOp[]): string {
  const shown = ops.map((op) => (op.op === "remove" ? "remove" : `${op.op} ${JSON.stringify(op.value)}`));
  return shown.length === 0 ? NOTHING : shown.join(", ");
}

function show(value: unknown): string {
  return value === undefined ? NOTHING : JSON.stringify(value);
}

function difference(where: string, before: string, after: string): Difference {
  return { where, before, after };
}
