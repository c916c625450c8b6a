/**
 * The one gate for failure (docs/design.md 4.5): what becomes of an event that ended without a verdict of the guest.
 * Nobody else asks whether the agent fails open.
 */

import type { EventFailure } from "../event/failure.ts";
import { NO_HEADER_OPS } from "../event/header-ops.ts";
import { ALLOW, type Verdict } from "../event/verdict.ts";

const FAIL_CLOSED_STATUS = 500;
const FAIL_CLOSED_BODY = "Wasm Error";
const ERROR_TAG = "wasm-error";
const FAIL_OPEN_TAG = "fail-open";

export function failVerdict(failure: EventFailure, failOpen: boolean): Verdict {
  return {
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
}
