/**
 * Neutral verdicts to the response envelope, which both protocols share (docs/agent-protocol.md 7.1, 7.2). Keys that
 * hold nothing are left out: every proxy takes their absence as the default, while `null` for a list or an object makes
 * it drop the whole answer (docs/agent-protocol.md 7.1).
 */

import type { ProxyEvent } from "../event/event.ts";
import type { HeaderOp } from "../event/header-ops.ts";
import type { Audit, Decision, Verdict } from "../event/verdict.ts";
import { encodeDetections, encodeKindMembers } from "./answer-form.ts";
import { auditJson } from "./audit-text.ts";
import { encodeRedirectTarget } from "./redirect-target.ts";

export interface ResponseForm {
  readonly version: 1 | 2;
  /** The peer understands the `redirect` decision; otherwise a redirect is a block that carries Location. */
  readonly hasTrueRedirect: boolean;
}

/** Statuses that a proxy passes on in a true redirect; it turns any other into 302 (docs/agent-protocol.md 8.2). */
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Encodes verdicts in one form. Guests repeat their answers, and verdicts are shared between equal ones, so a verdict's
 * text is kept for as long as the verdict lives; only the correlation id is new each time.
 */
export class ResponseEncoder {
  readonly #form: ResponseForm;
  readonly #known = new WeakMap<Verdict, EncodedVerdict>();

  constructor(form: ResponseForm) {
    this.#form = form;
  }

  /**
   * `correlationId` null leaves it out, as v1 does: there, an answer is matched by its position. `event` null stands for
   * an answer to something that is no event.
   */
  encode(verdict: Verdict, correlationId: string | null, event: ProxyEvent | null): string {
    let encoded = this.#known.get(verdict);
    if (encoded === undefined) {
      const kindMembers = event === null ? null : encodeKindMembers(verdict, event);
      encoded = encodeVerdict(verdict, this.#form, kindMembers ?? "");
      // What only one kind of event knows can differ between two events with the same verdict.
      if (kindMembers === null) this.#known.set(verdict, encoded);
    }
    return correlationId === null
      ? encoded.withoutId
      : encoded.beforeId + JSON.stringify(correlationId) + encoded.afterId;
  }
}

/** An answer without the one part that differs between requests. */
interface EncodedVerdict {
  readonly withoutId: string;
  readonly beforeId: string;
  readonly afterId: string;
}

function encodeVerdict(verdict: Verdict, form: ResponseForm, kindMembers: string): EncodedVerdict {
  const head = encodeHead(verdict, form) + kindMembers;
  const audit = auditMembers(verdict.audit);
  const custom = customMembers(verdict.audit.custom);
  const tail = `${encodeRoutingMetadata(verdict)}}`;
  const ownCustom = custom === "" ? "" : `"custom":{${custom}}`;
  const ownAudit = [audit, ownCustom].filter((members) => members !== "").join(",");
  return {
    withoutId: `${head}${ownAudit === "" ? "" : `,"audit":{${ownAudit}}`}${tail}`,
    beforeId: `${head},"audit":{${audit === "" ? "" : `${audit},`}"custom":{${custom === "" ? "" : `${custom},`}"correlation_id":`,
    afterId: `}}${tail}`,
  };
}

function encodeHead(verdict: Verdict, form: ResponseForm): string {
  let text = `{"version":${form.version},"decision":${encodeDecision(verdict, form)}`;
  if (verdict.requestHeaders.length > 0) text += `,"request_headers":${encodeOps(verdict.requestHeaders)}`;
  const responseOps = responseOpsOf(verdict, form);
  if (responseOps.length > 0) text += `,"response_headers":${encodeOps(responseOps)}`;
  return text;
}

function encodeDecision(verdict: Verdict, form: ResponseForm): string {
  const decision = verdict.decision;
  switch (decision.kind) {
    case "allow":
      return '"allow"';
    case "block":
      return encodeBlock(decision.status, decision.body, verdict.responseHeaders);
    case "redirect": {
      if (decision.location === null) return encodeBlock(decision.status, null, verdict.responseHeaders);
      if (!isTrueRedirect(decision, form))
        return encodeBlock(decision.status, "", responseOpsOf(verdict, form));
      const url = JSON.stringify(encodeRedirectTarget(decision.location));
      return `{"redirect":{"url":${url},"status":${decision.status}}}`;
    }
  }
}

/**
 * Proxies discard the operations of a refusal; from 0.6.51 on they take headers inside it (docs/agent-protocol.md 8.2).
 */
function encodeBlock(status: number, body: string | null, ops: readonly HeaderOp[]): string {
  const headers = headersOf(ops);
  return (
    `{"block":{"status":${status}` +
    (body === null ? "" : `,"body":${JSON.stringify(body)}`) +
    (headers === "" ? "" : `,"headers":{${headers}}`) +
    "}}"
  );
}

/** What the operations leave behind on an empty response, as members of a JSON object; one value a name. */
function headersOf(ops: readonly HeaderOp[]): string {
  const values = new Map<string, { readonly name: string; readonly value: string }>();
  for (const op of ops) {
    const key = op.name.toLowerCase();
    const before = values.get(key);
    if (op.op === "remove") values.delete(key);
    else if (op.op === "add" && before !== undefined) {
      values.set(key, { name: before.name, value: `${before.value}, ${op.value}` });
    } else values.set(key, { name: op.name, value: op.value });
  }
  return [...values.values()]
    .map(({ name, value }) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join(",");
}

/**
 * A redirect in the form of a block repeats its Location as an operation, before the guest's own
 * (docs/agent-protocol.md 8.3).
 */
function responseOpsOf(verdict: Verdict, form: ResponseForm): readonly HeaderOp[] {
  const decision = verdict.decision;
  if (decision.kind !== "redirect" || decision.location === null || isTrueRedirect(decision, form)) {
    return verdict.responseHeaders;
  }
  const location = encodeRedirectTarget(decision.location);
  return [{ op: "set", name: "Location", value: location }, ...verdict.responseHeaders];
}

function isTrueRedirect(decision: Decision & { kind: "redirect" }, form: ResponseForm): boolean {
  return form.hasTrueRedirect && REDIRECT_STATUSES.has(decision.status);
}

function encodeOps(ops: readonly HeaderOp[]): string {
  let text = "[";
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]!;
    if (i > 0) text += ",";
    text +=
      op.op === "remove"
        ? `{"remove":{"name":${JSON.stringify(op.name)}}}`
        : `{"${op.op}":{"name":${JSON.stringify(op.name)},"value":${JSON.stringify(op.value)}}}`;
  }
  return `${text}]`;
}

function auditMembers(audit: Audit): string {
  const members: string[] = [];
  if (audit.tags.length > 0) members.push(`"tags":${auditJson(audit.tags)}`);
  if (audit.ruleIds.length > 0) members.push(`"rule_ids":${auditJson(audit.ruleIds)}`);
  if (audit.confidence !== null) members.push(`"confidence":${audit.confidence}`);
  if (audit.reasonCodes.length > 0) members.push(`"reason_codes":${auditJson(audit.reasonCodes)}`);
  return members.join(",");
}

/** The correlation id is ours: a guest's key of that name must not send the answer to somebody else's request. */
function customMembers(custom: Audit["custom"]): string {
  if (custom === null) return "";
  const { correlation_id: _ours, ...own } = custom;
  return auditJson(own).slice(1, -1);
}

function encodeRoutingMetadata({ routingMetadata, detections }: Verdict): string {
  if (detections !== undefined) {
    const withDetections = { ...routingMetadata, guardrail_response: encodeDetections(detections) };
    return `,"routing_metadata":${auditJson(withDetections)}`;
  }
  return routingMetadata === null ? "" : `,"routing_metadata":${auditJson(routingMetadata)}`;
}
