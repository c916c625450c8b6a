import { expect, test } from "bun:test";
import { failVerdict } from "../../../src/dispatch/fail-policy.ts";
import { EventFailure, FAILURE_CODES } from "../../../src/event/failure.ts";

test.each([...FAILURE_CODES])("%s fails closed with 500, and open with allow", (code) => {
  const failure = new EventFailure(code, "details are for the log");
  expect(failVerdict(failure, false)).toEqual({
    decision: { kind: "block", status: 500, body: "Wasm Error" },
    requestHeaders: [],
    responseHeaders: [],
    audit: { tags: ["wasm-error"], ruleIds: [], reasonCodes: [code], confidence: null, custom: null },
    routingMetadata: null,
  });
  expect(failVerdict(failure, true)).toEqual({
    decision: { kind: "allow" },
    requestHeaders: [],
    responseHeaders: [],
    audit: {
      tags: ["wasm-error", "fail-open"],
      ruleIds: [],
      reasonCodes: [code],
      confidence: null,
      custom: null,
    },
    routingMetadata: null,
  });
});
