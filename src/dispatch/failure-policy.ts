/**
 * The one failure policy: what becomes of an event that ended without a verdict of the guest. Nobody else decides
 * whether the agent fails open.
 */

import type { EventKind } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import { NO_HEADER_OPS } from "../event/header-ops.ts";
import { ALLOW, type Verdict } from "../event/verdict.ts";

const FAIL_CLOSED_STATUS = 500;
const FAIL_CLOSED_BODY = "Wasm Error";
/** RFC 6455, 7.4.1: the server cannot go on because of an unexpected condition. */
const FAIL_CLOSED_CLOSE_CODE = 1011;
const ERROR_TAG = "wasm-error";
const FAIL_OPEN_TAG = "fail-open";

export function failVerdict(failure: EventFailure, failOpen: boolean, kind: EventKind): Verdict {
  const verdict: Verdict = {
    decision: failOpen ? ALLOW : { kind: "block", status: FAIL_CLOSED_STATUS, body: FAIL_CLOSED_BODY },
    requestHeaders: NO_HEADER_OPS,
    responseHeaders: NO_HEADER_OPS,
    audit: {
      tags: failOpen ? [ERROR_TAG, FAIL_OPEN_TAG] : [ERROR_TAG],
      ruleIds: [],
      reasonCodes: [failure.code],
      confidence: null,
      custom: null,
    },
    routingMetadata: null,
  };
  if (kind !== "websocket-frame" || failOpen) return verdict;
  // A proxy forwards a frame whatever the decision is, unless the frame's own says otherwise.
  return {
    ...verdict,
    frame: { kind: "close", code: FAIL_CLOSED_CLOSE_CODE, reason: FAIL_CLOSED_BODY },
  };
}
