import { expect, test } from "bun:test";
import { failVerdict } from "../../../src/dispatch/failure-policy.ts";
import { EventFailure, FAILURE_CODES } from "../../../src/event/failure.ts";

test.each([...FAILURE_CODES])("%s fails closed with 500, and open with allow", (code) => {
  const failure = new EventFailure(code, "details are for the log");
  expect(failVerdict(failure, false, "request-headers")).toEqual({
    decision: { kind: "block", status: 500, body: "Wasm Error" },
    requestHeaders: [],
    responseHeaders: [],
    audit: { tags: ["wasm-error"], ruleIds: [], reasonCodes: [code], confidence: null, custom: null },
    routingMetadata: null,
  });
  expect(failVerdict(failure, true, "request-headers")).toEqual({
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

test("a WebSocket frame fails closed with a close frame, since a proxy looks at nothing else", () => {
  const failure = new EventFailure("guest-trap", "details are for the log");
  const { frame } = failVerdict(failure, false, "websocket-frame");
  expect(frame).toEqual({ kind: "close", code: 1011, reason: "Wasm Error" });
  expect(failVerdict(failure, true, "websocket-frame").frame).toBeUndefined();
});
