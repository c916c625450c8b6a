/** One result of a guest, decoded and answered: whatever the guest returned, the proxy must understand the answer. */

import { decodeResult } from "../../../src/abi/json/result-decoder.ts";
import { failVerdict } from "../../../src/dispatch/failure-policy.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import type { Verdict } from "../../../src/event/verdict.ts";
import { acceptAnswer } from "../../support/accepted-answer.ts";
import { encodeResponse } from "../../support/encode-response.ts";

const ID = "3Nq8aXk2Tz1";

/** What is wrong with the answer; null when nothing is. */
export function faultOfResult(result: string): string | null {
  let verdict: Verdict;
  try {
    verdict = decodeResult(result, "request-headers");
  } catch (error) {
    if (!(error instanceof EventFailure)) return `decodeResult threw ${String(error)}`;
    verdict = failVerdict(error, false, "request-headers");
  }
  try {
    for (const hasTrueRedirect of [false, true]) {
      const answer = acceptAnswer(2, encodeResponse(verdict, { version: 2, hasTrueRedirect }, ID));
      if (answer.correlationId !== ID) return `the id is ${JSON.stringify(answer.correlationId)}`;
      acceptAnswer(1, encodeResponse(verdict, { version: 1, hasTrueRedirect }, null));
    }
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
