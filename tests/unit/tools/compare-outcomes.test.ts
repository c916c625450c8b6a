import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { compareOutcomes, showDecision } from "../../../src/tools/compare-outcomes.ts";
import {
  type OutcomeJson,
  outcomeSchema,
  writeOutcome,
} from "../../../src/telemetry/recording/outcome-json.ts";
import { REDACTED } from "../../../src/telemetry/recording/redaction.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";

const allow: OutcomeJson = { decision: "allow" };

describe("an outcome in JSON", () => {
  test("leaves out what says nothing", () => {
    expect(writeOutcome(PLAIN_ALLOW)).toEqual({ decision: "allow" });
  });

  test("says all that a verdict says", () => {
    expect(
      writeOutcome({
        decision: { kind: "block", status: 403, body: "no" },
        requestHeaders: [{ op: "remove", name: "a" }],
        responseHeaders: [{ op: "set", name: "b", value: "1" }],
        audit: { tags: ["t"], ruleIds: ["r"], reasonCodes: ["c"], confidence: 0, custom: { k: [1] } },
        routingMetadata: { pool: "b" },
      }),
    ).toEqual({
      decision: "block",
      status: 403,
      body: "no",
      request_headers: [{ op: "remove", name: "a" }],
      response_headers: [{ op: "set", name: "b", value: "1" }],
      tags: ["t"],
      rule_ids: ["r"],
      reason_codes: ["c"],
      confidence: 0,
      custom: { k: [1] },
      routing_metadata: { pool: "b" },
    });
  });

  test("says what becomes of bodies, frames and guardrail checks", () => {
    const outcomeOf = (members: Partial<Verdict>) => writeOutcome({ ...PLAIN_ALLOW, ...members });
    expect(outcomeOf({ replacement: Buffer.from("é"), needsMore: true })).toEqual({
      decision: "allow",
      replace_body: "é",
      needs_more: true,
    });
    expect(outcomeOf({ replacement: new Uint8Array([0xff]) })).toMatchObject({ replace_body_base64: "/w==" });
    expect(outcomeOf({ frame: { kind: "drop" } })).toMatchObject({ frame: "drop" });
    expect(outcomeOf({ frame: { kind: "close", code: 1008, reason: "no" } })).toMatchObject({
      frame: { close: { code: 1008, reason: "no" } },
    });
    const email = { category: "email", description: "d", severity: "low" as const };
    expect(
      outcomeOf({
        detections: [
          { ...email, confidence: null, span: null },
          { ...email, confidence: 0.5, span: { start: 1, end: 2 } },
        ],
      }),
    ).toMatchObject({ detections: [email, { ...email, confidence: 0.5, span: { start: 1, end: 2 } }] });
  });

  test("is read from a recording as it was written", () => {
    const outcome = writeOutcome({
      ...PLAIN_ALLOW,
      replacement: Buffer.from("a"),
      needsMore: true,
      frame: { kind: "close", code: 1000, reason: "" },
      detections: [
        { category: "c", description: "", severity: "high", confidence: 1, span: { start: 0, end: 1 } },
      ],
    });
    expect(v.parse(outcomeSchema, JSON.parse(JSON.stringify(outcome)))).toEqual(outcome);
  });

  test("tells an empty body from none", () => {
    const block = (body: string | null) =>
      writeOutcome({ ...PLAIN_ALLOW, decision: { kind: "block", status: 403, body } });
    expect(block("")).toEqual({ decision: "block", status: 403, body: "" });
    expect(block(null)).toEqual({ decision: "block", status: 403 });
  });

  test("is the failure where there is no verdict", () => {
    expect(writeOutcome(new EventFailure("guest-trap", "it trapped"))).toEqual({
      failure: "guest-trap",
      reason: "it trapped",
    });
  });

  test("has no values of redacted headers", () => {
    const verdict = {
      ...PLAIN_ALLOW,
      responseHeaders: [{ op: "set", name: "Set-Cookie", value: "s" }] as const,
    };
    expect(writeOutcome(verdict, new Set(["set-cookie"]))).toMatchObject({
      response_headers: [{ name: "Set-Cookie", value: REDACTED }],
    });
  });
});

describe("two outcomes", () => {
  const same: readonly [name: string, before: OutcomeJson, after: OutcomeJson][] = [
    ["that say the same", { ...allow, tags: ["a"] }, { ...allow, tags: ["a"] }],
    [
      "whose operations on different headers stand in another order",
      {
        ...allow,
        request_headers: [
          { op: "set", name: "X-A", value: "1" },
          { op: "remove", name: "b" },
        ],
      },
      {
        ...allow,
        request_headers: [
          { op: "remove", name: "B" },
          { op: "set", name: "x-a", value: "1" },
        ],
      },
    ],
    [
      "whose recorded value was redacted",
      { ...allow, response_headers: [{ op: "set", name: "set-cookie", value: REDACTED }] },
      { ...allow, response_headers: [{ op: "set", name: "set-cookie", value: "s=1" }] },
    ],
    [
      "that failed alike in other words",
      { failure: "guest-trap", reason: "a" },
      { failure: "guest-trap", reason: "b" },
    ],
    [
      "whose custom keys stand in another order",
      { ...allow, custom: { a: 1, b: 2 } },
      { ...allow, custom: { b: 2, a: 1 } },
    ],
  ];
  for (const [name, before, after] of same) {
    test(`${name} do not differ`, () => {
      expect(compareOutcomes(before, after)).toEqual([]);
    });
  }

  test("differ in their decision, with status and body", () => {
    expect(compareOutcomes(allow, { decision: "block", status: 403, body: "no" })).toEqual([
      { where: "decision", before: "allow", after: 'block 403 "no"' },
    ]);
  });

  test("differ when one failed, and nothing else counts then", () => {
    expect(compareOutcomes({ ...allow, tags: ["a"] }, { failure: "guest-deadline" })).toEqual([
      { where: "decision", before: "allow", after: "failure guest-deadline" },
    ]);
  });

  test("differ header by header", () => {
    const before: OutcomeJson = {
      ...allow,
      request_headers: [
        { op: "set", name: "X-A", value: "1" },
        { op: "remove", name: "x-gone" },
      ],
    };
    const after: OutcomeJson = {
      ...allow,
      request_headers: [
        { op: "set", name: "x-a", value: "1" },
        { op: "add", name: "x-a", value: "2" },
      ],
    };
    expect(compareOutcomes(before, after)).toEqual([
      { where: "request_headers: x-a", before: 'set "1"', after: 'set "1", add "2"' },
      { where: "request_headers: x-gone", before: "remove", after: "nothing" },
    ]);
  });

  test("differ in what goes into the audit log and the routing", () => {
    expect(
      compareOutcomes({ ...allow, tags: ["a"], confidence: 1 }, { ...allow, routing_metadata: { a: "b" } }),
    ).toEqual([
      { where: "tags", before: '["a"]', after: "nothing" },
      { where: "confidence", before: "1", after: "nothing" },
      { where: "routing_metadata", before: "nothing", after: '{"a":"b"}' },
    ]);
  });
});

describe("two outcomes of bodies and frames", () => {
  test("differ in what takes the body's place, as text or as bytes", () => {
    expect(
      compareOutcomes({ ...allow, replace_body: "a" }, { ...allow, replace_body_base64: "/w==" }),
    ).toEqual([
      { where: "replace_body", before: '"a"', after: "nothing" },
      { where: "replace_body_base64", before: "nothing", after: '"/w=="' },
    ]);
  });

  test("differ in what becomes of the frame", () => {
    expect(compareOutcomes({ ...allow, frame: "drop" }, allow)).toEqual([
      { where: "decision", before: "frame drop", after: "allow" },
    ]);
  });

  test("differ in what was detected", () => {
    const detections = [{ category: "email", description: "", severity: "low" }];
    expect(compareOutcomes({ ...allow, detections: [] }, { ...allow, detections })).toEqual([
      { where: "detections", before: "[]", after: JSON.stringify(detections) },
    ]);
  });
});

describe("a decision in words", () => {
  test("is that on the frame, which is all that counts for one", () => {
    expect(
      showDecision({ decision: "block", status: 403, frame: { close: { code: 1008, reason: "no" } } }),
    ).toBe('frame close 1008 "no"');
    expect(showDecision({ decision: "allow", frame: { close: { code: 1000, reason: "" } } })).toBe(
      "frame close 1000",
    );
  });

  test("says where a redirect goes", () => {
    expect(showDecision({ decision: "redirect", status: 302, location: "/login" })).toBe(
      'redirect 302 to "/login"',
    );
  });
});
