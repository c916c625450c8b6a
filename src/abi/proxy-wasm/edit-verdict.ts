/**
 * Verdicts of guests that let a message go on, with their edits. Filters make the same few edits again and again, and
 * equal verdicts are checked and encoded once, so the last ones are kept.
 */

import type { ProxyEvent } from "../../event/event.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../../event/header-ops.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";

/** Comparing costs more than it saves beyond a few. */
const MAX_KEPT = 4;
const MAX_KEPT_OPS = 8;

export class EditVerdicts {
  readonly #ofRequests: Verdict[] = [];
  readonly #ofResponses: Verdict[] = [];
  #next = 0;

  /** `replacement` null leaves the body as it is. */
  of(event: ProxyEvent, ops: readonly HeaderOp[], replacement: Uint8Array | null): Verdict {
    const isRequest = event.kind === "request-headers" || event.kind === "request-body-chunk";
    const verdict = ops.length === 0 ? PLAIN_ALLOW : this.#withOps(isRequest, ops);
    return replacement === null ? verdict : { ...verdict, replacement };
  }

  #withOps(isRequest: boolean, ops: readonly HeaderOp[]): Verdict {
    const kept = isRequest ? this.#ofRequests : this.#ofResponses;
    for (let i = 0; i < kept.length; i++) {
      const verdict = kept[i]!;
      if (areEqual(isRequest ? verdict.requestHeaders : verdict.responseHeaders, ops)) return verdict;
    }
    const verdict = {
      ...PLAIN_ALLOW,
      requestHeaders: isRequest ? ops : NO_HEADER_OPS,
      responseHeaders: isRequest ? NO_HEADER_OPS : ops,
    };
    if (ops.length <= MAX_KEPT_OPS) kept[this.#next++ % MAX_KEPT] = verdict;
    return verdict;
  }
}

function areEqual(a: readonly HeaderOp[], b: readonly HeaderOp[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!isSame(a[i]!, b[i]!)) return false;
  return true;
}

function isSame(a: HeaderOp, b: HeaderOp): boolean {
  if (a.op !== b.op || a.name !== b.name) return false;
  return a.op === "remove" || (b.op !== "remove" && a.value === b.value);
}
