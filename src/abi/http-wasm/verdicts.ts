/** Verdicts from what a guest has left behind. What no verdict can carry is reported as lost. */

import { EventFailure } from "../../event/failure.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../../event/header-ops.ts";
import { type Decision, NO_AUDIT, PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { HeaderFields } from "./header-fields.ts";
import type { GuestRequest, GuestResponse } from "./http-exchange.ts";
import type { LostChanges } from "./lost-changes.ts";

/** What else than a decision goes with "allow". */
export interface Changes {
  readonly requestHeaders?: readonly HeaderOp[];
  readonly responseHeaders?: readonly HeaderOp[];
  /** Null: the event's own bytes. */
  readonly replacement?: Uint8Array | null;
  readonly routingMetadata?: Readonly<Record<string, string>> | null;
}

export function allow(changes: Changes): Verdict {
  const { requestHeaders = NO_HEADER_OPS, responseHeaders = NO_HEADER_OPS } = changes;
  const { replacement = null, routingMetadata = null } = changes;
  const isPlain =
    requestHeaders.length === 0 &&
    responseHeaders.length === 0 &&
    replacement === null &&
    routingMetadata === null;
  if (isPlain) return PLAIN_ALLOW;
  return {
    ...PLAIN_ALLOW,
    requestHeaders,
    responseHeaders,
    routingMetadata,
    ...(replacement === null ? {} : { replacement }),
  };
}

/** Response-header operations that were made before those of the verdict. */
export function withResponseOps(verdict: Verdict, ops: readonly HeaderOp[]): Verdict {
  if (ops.length === 0 || verdict.decision.kind !== "allow") return verdict;
  return { ...verdict, responseHeaders: [...ops, ...verdict.responseHeaders] };
}

/**
 * A changed method and URI: for whoever reads routing metadata. The proxies known today do not, so they count as lost
 * (docs/agent-protocol.md 7.6).
 */
export function requestLineChanges(
  request: GuestRequest,
  lost: LostChanges,
): Readonly<Record<string, string>> | null {
  const { method, uri, originalMethod, originalUri } = request;
  if (method === originalMethod && uri === originalUri) return null;
  if (uri !== originalUri) lost.report("uri");
  if (method !== originalMethod) lost.report("method");
  return { method, uri };
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const LOCATION = "location";
const SET_COOKIE = "set-cookie";
const FIRST_FINAL_STATUS = 200;
const LAST_STATUS = 599;

/** The proxy's own business, in an answer that it writes itself. */
const PROXY_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/**
 * A whole response in the place of the upstream's, which the proxy takes as a refusal: the guest's own answer to a
 * request, and what no change to the upstream's response can make of it.
 *
 * @param body undefined for one that is not UTF-8, which no answer carries
 */
export function answer(response: GuestResponse, body: string | undefined, lost: LostChanges): Verdict {
  const { status, headers } = response;
  if (status < FIRST_FINAL_STATUS || status > LAST_STATUS) {
    throw new EventFailure(
      "guest-status-range",
      `the module answered with the status ${status}; use ${FIRST_FINAL_STATUS} to ${LAST_STATUS}`,
    );
  }
  if (body === undefined) lost.report("answer-not-text");
  const text = body ?? "";
  const responseHeaders = headers.isOwn ? ownHeaders(headers, lost) : allHeaders(headers, lost);
  if (responseHeaders.length === 0)
    return withDecision({ kind: "block", status, body: text }, responseHeaders);
  const location = headers.valuesOf(LOCATION)[0];
  // A redirect carries nothing but its target; anything more has to be a block with the header in it.
  const isBare = text === "" && responseHeaders.length === 1;
  const decision: Decision =
    location !== undefined && isBare && REDIRECTS.has(status)
      ? { kind: "redirect", status, location }
      : { kind: "block", status, body: text };
  return withDecision(decision, decision.kind === "redirect" ? NO_HEADER_OPS : responseHeaders);
}

function withDecision(decision: Decision, responseHeaders: readonly HeaderOp[]): Verdict {
  return { decision, requestHeaders: NO_HEADER_OPS, responseHeaders, audit: NO_AUDIT, routingMetadata: null };
}

/** What a guest has set is nearly what it answers with. */
function ownHeaders(headers: HeaderFields, lost: LostChanges): readonly HeaderOp[] {
  const ops = headers.takeOps();
  let cookies = 0;
  for (const { name } of ops) {
    const key = name.toLowerCase();
    if (key === SET_COOKIE) cookies++;
    if (key === LOCATION || cookies > 1 || PROXY_HEADERS.has(key)) return allHeaders(headers, lost);
  }
  return ops;
}

function allHeaders(headers: HeaderFields, lost: LostChanges): readonly HeaderOp[] {
  const ops: HeaderOp[] = [];
  for (const name of headers.names) {
    if (PROXY_HEADERS.has(name)) continue;
    const values = headers.valuesOf(name);
    const [first] = values;
    if (first === undefined) continue;
    if (name === SET_COOKIE && values.length > 1) {
      lost.report("answer-cookies");
      ops.push({ op: "set", name, value: first });
    } else ops.push({ op: "set", name, value: values.join(", ") });
  }
  return ops.length === 0 ? NO_HEADER_OPS : ops;
}
