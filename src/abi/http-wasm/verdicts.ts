/** Verdicts from what a guest has left behind. What no verdict can carry is reported as lost. */

import { EventFailure } from "../../event/failure.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../../event/header-ops.ts";
import { isUtf8 } from "../../event/utf8.ts";
import { type Decision, PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
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
 */
export function answer(response: GuestResponse, body: Uint8Array, lost: LostChanges): Verdict {
  const { status, headers } = response;
  if (status < FIRST_FINAL_STATUS || status > LAST_STATUS) {
    throw new EventFailure(
      "guest-status-range",
      `the module answered with the status ${status}; use ${FIRST_FINAL_STATUS} to ${LAST_STATUS}`,
    );
  }
  const text = textOf(body, lost);
  const responseHeaders = answerHeaders(headers, lost);
  const location = headers.valuesOf("location")[0];
  // A redirect carries nothing but its target; anything more has to be a block with the header in it.
  const isBare = text === "" && responseHeaders.length === 1;
  const decision: Decision =
    location !== undefined && isBare && REDIRECTS.has(status)
      ? { kind: "redirect", status, location }
      : { kind: "block", status, body: text };
  return {
    ...PLAIN_ALLOW,
    decision,
    responseHeaders: decision.kind === "redirect" ? NO_HEADER_OPS : responseHeaders,
  };
}

function textOf(body: Uint8Array, lost: LostChanges): string {
  if (body.length === 0) return "";
  if (isUtf8(body)) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  lost.report("answer-not-text");
  return "";
}

function answerHeaders(headers: HeaderFields, lost: LostChanges): readonly HeaderOp[] {
  const ops: HeaderOp[] = [];
  for (const name of headers.names) {
    if (PROXY_HEADERS.has(name)) continue;
    const values = headers.valuesOf(name);
    const [first] = values;
    if (first === undefined) continue;
    if (name === "set-cookie" && values.length > 1) {
      lost.report("answer-cookies");
      ops.push({ op: "set", name, value: first });
    } else ops.push({ op: "set", name, value: values.join(", ") });
  }
  return ops.length === 0 ? NO_HEADER_OPS : ops;
}
