import { describe, expect, test } from "bun:test";
import { decodeResult as decode } from "../../../src/abi/json/result-decoder.ts";
import { EventFailure, type FailureCode } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW } from "../../../src/event/verdict.ts";

const decodeResult = (text: string) => decode(text, "request-headers");

const result = (keys: object): string => JSON.stringify({ decision: "allow", ...keys });

function failureOf(text: string): EventFailure {
  try {
    decodeResult(text);
  } catch (error) {
    if (error instanceof EventFailure) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("decisions", () => {
  test("allow and nothing else is the shared plain allow", () => {
    expect(decodeResult('{"decision":"allow"}')).toBe(PLAIN_ALLOW);
    expect(decodeResult(result({ tags: [], add_request_headers: {}, custom: null }))).toBe(PLAIN_ALLOW);
  });

  test.each(["allow", "ALLOW", "Allow"])("%s", (decision) => {
    expect(decodeResult(JSON.stringify({ decision })).decision).toEqual({ kind: "allow" });
  });

  test.each(["block", "deny", "BLOCK", "Deny"])("%s blocks with 403 unless it says otherwise", (decision) => {
    expect(decodeResult(JSON.stringify({ decision })).decision).toEqual({
      kind: "block",
      status: 403,
      body: null,
    });
    expect(decodeResult(JSON.stringify({ decision, status: 451, body: "" })).decision).toEqual({
      kind: "block",
      status: 451,
      body: "",
    });
  });

  test("redirect leads with 302 to the body", () => {
    expect(decodeResult('{"decision":"Redirect","body":"/x"}').decision).toEqual({
      kind: "redirect",
      status: 302,
      location: "/x",
    });
    expect(decodeResult('{"decision":"redirect","status":308}').decision).toEqual({
      kind: "redirect",
      status: 308,
      location: null,
    });
  });

  test("null for an optional key counts as absent", () => {
    expect(decodeResult('{"decision":"block","status":null,"body":null,"tags":null}').decision).toEqual({
      kind: "block",
      status: 403,
      body: null,
    });
  });

  test("keys that nobody knows are ignored", () => {
    expect(decodeResult(result({ later: { decision: "block" } }))).toBe(PLAIN_ALLOW);
  });

  test("white space around it is fine", () => {
    expect(decodeResult('  {"decision":"allow"}\n ')).toBe(PLAIN_ALLOW);
  });
});

describe("header operations", () => {
  test("sets come first, in the guest's order, then removes", () => {
    const verdict = decodeResult(
      result({ remove_request_headers: ["X-C", "X-D"], add_request_headers: { "X-B": "2", "X-A": "1" } }),
    );
    expect(verdict.requestHeaders).toEqual([
      { op: "set", name: "X-B", value: "2" },
      { op: "set", name: "X-A", value: "1" },
      { op: "remove", name: "X-C" },
      { op: "remove", name: "X-D" },
    ]);
    expect(verdict.responseHeaders).toEqual([]);
  });

  test("a list sets its first value and adds the others", () => {
    expect(
      decodeResult(result({ add_response_headers: { "Set-Cookie": ["a=1", "b=2"], "X-None": [] } }))
        .responseHeaders,
    ).toEqual([
      { op: "set", name: "Set-Cookie", value: "a=1" },
      { op: "add", name: "Set-Cookie", value: "b=2" },
    ]);
  });

  test("belong to blocks and redirects as well", () => {
    expect(decodeResult('{"decision":"block","remove_response_headers":["Server"]}').responseHeaders).toEqual(
      [{ op: "remove", name: "Server" }],
    );
  });

  test("a header called __proto__ is one", () => {
    expect(
      decodeResult('{"decision":"allow","add_request_headers":{"__proto__":"1"}}').requestHeaders,
    ).toEqual([{ op: "set", name: "__proto__", value: "1" }]);
  });
});

test("the audit takes every optional key", () => {
  const keys = {
    tags: ["t"],
    rule_ids: ["r"],
    reason_codes: ["c"],
    confidence: 0.25,
    custom: { a: [1, null] },
    routing_metadata: { k: "v" },
  };
  expect(decodeResult(result(keys))).toEqual({
    ...PLAIN_ALLOW,
    audit: { tags: ["t"], ruleIds: ["r"], reasonCodes: ["c"], confidence: 0.25, custom: { a: [1, null] } },
    routingMetadata: { k: "v" },
  });
});

describe("what is refused", () => {
  const refused: readonly [string, FailureCode, string | RegExp][] = [
    ["hello", "guest-result-not-json", /^the guest's result is not JSON: /],
    ["", "guest-result-not-json", /^the guest's result is not JSON: /],
    ['{"decision":"allow"}x', "guest-result-not-json", /^the guest's result is not JSON: /],
    ['\ufeff{"decision":"allow"}', "guest-result-not-json", /^the guest's result is not JSON: /],
    ['{"decision":"block","body":"\\ud800"}', "guest-result-not-json", /half a surrogate pair in an escape/],
    ['{"decision":"allow","tags":["\\udc00\\ud800"]}', "guest-result-not-json", /half a surrogate pair/],
    ["[]", "guest-result-shape", "the result must be a JSON object, got an array"],
    ["null", "guest-result-shape", "the result must be a JSON object, got null"],
    ['"allow"', "guest-result-shape", 'the result must be a JSON object, got the string "allow"'],
    ["{}", "guest-result-shape", "decision must be a string, got nothing"],
    ['{"decision":null}', "guest-result-shape", "decision must be a string, got null"],
    ['{"decision":1}', "guest-result-shape", "decision must be a string, got the number 1"],
    [
      '{"decision":"allow","decision":"block"}',
      "guest-result-shape",
      "the guest's result repeats the key decision",
    ],
    [
      '{"decision":"allow","tags":[],"t\\u0061gs":["x"]}',
      "guest-result-shape",
      "the guest's result repeats the key tags",
    ],
    [
      result({ status: "403" }),
      "guest-result-shape",
      'status must be an integer from 0 to 65535, or null, got the string "403"',
    ],
    [
      result({ status: 1.5 }),
      "guest-result-shape",
      "status must be an integer from 0 to 65535, or null, got the number 1.5",
    ],
    [
      result({ status: -1 }),
      "guest-result-shape",
      "status must be an integer from 0 to 65535, or null, got the number -1",
    ],
    [result({ status: 65_536 }), "guest-result-shape", /got the number 65536$/],
    [result({ body: 5 }), "guest-result-shape", "body must be a string or null, got the number 5"],
    [
      result({ add_request_headers: [] }),
      "guest-result-shape",
      "add_request_headers must be an object or null, got an array",
    ],
    [
      result({ add_request_headers: { "X-A": 1 } }),
      "guest-result-shape",
      'add_request_headers["X-A"] must be a string or an array of strings, got the number 1',
    ],
    [
      result({ add_response_headers: { "X-A": ["1", null] } }),
      "guest-result-shape",
      'add_response_headers["X-A"][1] must be a string, got null',
    ],
    [
      result({ remove_request_headers: "X" }),
      "guest-result-shape",
      'remove_request_headers must be an array of strings or null, got the string "X"',
    ],
    [result({ tags: [1] }), "guest-result-shape", "tags[0] must be a string, got the number 1"],
    [
      result({ rule_ids: {} }),
      "guest-result-shape",
      "rule_ids must be an array of strings or null, got an object",
    ],
    [
      result({ confidence: "high" }),
      "guest-result-shape",
      'confidence must be a finite number or null, got the string "high"',
    ],
    [
      '{"decision":"allow","confidence":1e999}',
      "guest-result-shape",
      "confidence must be a finite number or null, got the number Infinity",
    ],
    [result({ custom: [] }), "guest-result-shape", "custom must be an object or null, got an array"],
    [
      result({ routing_metadata: { a: 1 } }),
      "guest-result-shape",
      'routing_metadata["a"] must be a string, got the number 1',
    ],
    [
      '{"decision":"maybe"}',
      "guest-decision-unknown",
      'decision must be allow, block, deny or redirect, got "maybe"',
    ],
    ['{"decision":""}', "guest-decision-unknown", 'decision must be allow, block, deny or redirect, got ""'],
    [
      '{"decision":" allow"}',
      "guest-decision-unknown",
      'decision must be allow, block, deny or redirect, got " allow"',
    ],
    ['{"decision":"block","status":0}', "guest-status-range", "status must be from 200 to 599, got 0"],
    ['{"decision":"block","status":100}', "guest-status-range", "status must be from 200 to 599, got 100"],
    ['{"decision":"deny","status":199}', "guest-status-range", "status must be from 200 to 599, got 199"],
    ['{"decision":"redirect","status":101}', "guest-status-range", "status must be from 200 to 599, got 101"],
    ['{"decision":"redirect","status":600}', "guest-status-range", "status must be from 200 to 599, got 600"],
    [
      result({ add_request_headers: { "X\r\nA": "1" } }),
      "guest-header-name",
      /^add_request_headers holds the header name "X\\r\\nA"/,
    ],
    [
      result({ remove_response_headers: [""] }),
      "guest-header-name",
      /^remove_response_headers holds the header name ""/,
    ],
    [
      result({ add_response_headers: { "X-A": ["1", "2\n"] } }),
      "guest-header-value",
      /^add_response_headers gives the header "X-A" a value/,
    ],
    [
      '{"decision":"redirect","body":"/x\\r\\nX: 1"}',
      "guest-header-value",
      /^body gives the header "Location" a value/,
    ],
  ];

  test.each(refused)("%s", (text, code, message) => {
    const failure = failureOf(text);
    expect(failure.code).toBe(code);
    if (typeof message === "string") expect(failure.message).toBe(message);
    else expect(failure.message).toMatch(message);
  });

  test("custom deeper than a proxy's decoder follows", () => {
    const nested = (levels: number) =>
      `{"decision":"allow","custom":{"a":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
    expect(() => decodeResult(nested(90))).not.toThrow();
    expect(failureOf(nested(120))).toMatchObject({
      code: "guest-result-shape",
      message: "custom is nested more than 100 levels deep",
    });
  });

  test("long strings are shown in part", () => {
    expect(failureOf(JSON.stringify({ decision: "x".repeat(1000) })).message).toBe(
      `decision must be allow, block, deny or redirect, got "${"x".repeat(64)}..."`,
    );
  });

  test("half a pair that two backslashes only spell is no half pair", () => {
    expect(decodeResult('{"decision":"block","body":"\\\\ud800"}').decision).toMatchObject({
      body: "\\ud800",
    });
  });

  test("a whole pair in escapes is a character", () => {
    expect(decodeResult('{"decision":"block","body":"\\ud83d\\ude00"}').decision).toMatchObject({
      body: "😀",
    });
  });
});
