/** A verdict as people read it: decision, header changes line by line, audit. */

import type { GuestLine } from "../guest-lines.ts";
import type { ProxyEvent } from "../../event/event.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { Verdict } from "../../event/verdict.ts";
import { headerLines } from "./header-lines.ts";
import type { Outcome } from "./page-messages.ts";
import { payloadForm } from "./payload-form.ts";

export interface AskedFacts {
  readonly event: ProxyEvent;
  readonly isCalled: boolean;
  readonly verdict: Verdict;
  readonly failure: EventFailure | null;
  readonly us: number;
  readonly fuel: number | null;
  readonly memoryBytes: number | null;
  readonly log: readonly GuestLine[];
  readonly sha256: string;
}

export function outcomeOf(facts: AskedFacts): Outcome {
  const { event, verdict, failure } = facts;
  const { decision, audit, replacement, frame, detections = [] } = verdict;
  return {
    kind: event.kind,
    isCalled: facts.isCalled,
    decision: decision.kind,
    status: decision.kind === "allow" ? null : decision.status,
    body: decision.kind === "block" ? decision.body : null,
    location: decision.kind === "redirect" ? decision.location : null,
    failure: failure === null ? null : { code: failure.code, message: failure.message },
    requestHeaders: headerLines(
      event.kind === "request-headers" ? event.headers : null,
      verdict.requestHeaders,
    ),
    responseHeaders: headerLines(
      event.kind === "response-headers" ? event.headers : null,
      verdict.responseHeaders,
    ),
    replacement: replacement === undefined ? null : payloadForm(replacement),
    needsMore: verdict.needsMore ?? false,
    frame: frame === undefined || frame.kind === "allow" ? null : frame,
    detections: detections.length === 0 ? null : JSON.stringify(detections, null, 2),
    tags: audit.tags,
    ruleIds: audit.ruleIds,
    reasonCodes: audit.reasonCodes,
    confidence: audit.confidence,
    custom: audit.custom === null ? null : JSON.stringify(audit.custom, null, 2),
    routing: verdict.routingMetadata === null ? null : JSON.stringify(verdict.routingMetadata, null, 2),
    us: Math.round(facts.us * 10) / 10,
    fuel: facts.fuel,
    memoryBytes: facts.memoryBytes,
    log: facts.log,
    sha256: facts.sha256,
  };
}
