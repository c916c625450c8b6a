import { describe, expect, test } from "bun:test";
import { decodeDecision } from "../../../src/abi/opa/decision.ts";
import { decisionShape } from "../../../src/abi/opa/decision-shape.ts";
import type { OpaInput } from "../../../src/abi/opa/opa-options.ts";
import type { EventKind } from "../../../src/event/event.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";

interface Given {
  readonly input?: OpaInput;
  readonly kind?: EventKind;
  readonly onIgnored?: (key: string) => void;
}

function decide(result: unknown, given: Given = {}): Verdict {
  return decode(result === undefined ? "[]" : JSON.stringify([{ result }]), given);
}

function decode(
  text: string,
  { input = "envoy", kind = "request-headers", onIgnored = () => {} }: Given = {},
) {
  return decodeDecision(text, kind, "test/allow", { shape: decisionShape(input), onIgnored });
}

function failureOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof EventFailure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no failure";
}

const DENIED = { kind: "block", status: 403, body: "" } as const;

describe("a boolean decision", () => {
  test("true allows, as plainly as can be", () => expect(decide(true)).toBe(PLAIN_ALLOW));
  test("false blocks with 403", () => expect(decide(false).decision).toEqual(DENIED));
});

describe("an undefined decision", () => {
  test("is a failure of its own", () => {
    expect(failureOf(() => decide(undefined))).toStartWith(
      "guest-decision-undefined: test/allow is undefined",
    );
  });
});

describe("a decision of another type", () => {
  test.each([
    [null],
    ["yes"],
    [1],
    [[true]],
    [{}],
    [{ headers: {} }],
    [{ allowed: "yes" }],
    [{ allowed: null }],
  ])("%j is a failure and no guess", (result) =>
    expect(failureOf(() => decide(result))).toStartWith("guest-result-shape"),
  );

  test("text that is no JSON is a failure", () => {
    expect(failureOf(() => decode("no JSON"))).toStartWith("guest-result-not-json");
  });

  test("half a surrogate pair is a failure, since no proxy could read the answer", () => {
    const text = String.raw`[{"result":{"allowed":false,"body":"\ud800"}}]`;
    expect(failureOf(() => decode(text))).toStartWith("guest-result-not-json");
  });

  test("more values than anybody needs are a failure before they are made", () => {
    const text = `[{"result":[${"0,".repeat(70_000)}0]}]`;
    expect(failureOf(() => decode(text))).toStartWith("guest-result-too-large");
  });
});

describe("an object that allows", () => {
  test("is as plain as true when it says nothing else", () => {
    expect(decide({ allowed: true })).toBe(PLAIN_ALLOW);
    expect(decide({ allow: true })).toBe(PLAIN_ALLOW);
  });

  test("sets headers of the request and removes others", () => {
    const result = { allowed: true, headers: { "x-user": "alice" }, request_headers_to_remove: ["cookie"] };
    expect(decide(result)).toMatchObject({
      decision: { kind: "allow" },
      requestHeaders: [
        { op: "set", name: "x-user", value: "alice" },
        { op: "remove", name: "cookie" },
      ],
      responseHeaders: [],
    });
  });

  test("sets headers of the response", () => {
    const result = { allowed: true, response_headers_to_add: { "x-a": "1" } };
    expect(decide(result)).toMatchObject({
      requestHeaders: [],
      responseHeaders: [{ op: "set", name: "x-a", value: "1" }],
    });
  });

  test("ignores status and body", () => {
    expect(decide({ allowed: true, http_status: 404, body: "x" })).toBe(PLAIN_ALLOW);
  });

  test("headers may have several values, and may be a list of objects", () => {
    const expected = [
      { op: "set", name: "x-a", value: "1" },
      { op: "add", name: "x-a", value: "2" },
    ];
    for (const headers of [{ "x-a": ["1", "2"] }, [{ "x-a": "1" }, { "x-a": "2" }]]) {
      expect(decide({ allowed: true, headers }).requestHeaders).toEqual(expected as never);
    }
  });

  test("metadata goes to the audit", () => {
    expect(decide({ allowed: true, dynamic_metadata: { a: { b: 1 } } }).audit.custom).toEqual({
      a: { b: 1 },
    });
  });
});

describe("an object that denies", () => {
  test("has status 403 and no body unless it says so", () => {
    expect(decide({ allowed: false }).decision).toEqual(DENIED);
    expect(decide({ allowed: false, http_status: 401, body: "who are you?" }).decision).toEqual({
      kind: "block",
      status: 401,
      body: "who are you?",
    });
  });

  test("sets headers of its answer, and none of the request", () => {
    const result = {
      allowed: false,
      headers: { "www-authenticate": "Basic" },
      request_headers_to_remove: ["cookie"],
      response_headers_to_add: { "x-a": "1" },
    };
    expect(decide(result)).toMatchObject({
      requestHeaders: [],
      responseHeaders: [{ op: "set", name: "www-authenticate", value: "Basic" }],
    });
  });

  test("redirects with a status of 3xx and a Location", () => {
    const result = { allowed: false, http_status: 302, headers: { Location: "/login", "x-a": "1" } };
    expect(decide(result)).toMatchObject({
      decision: { kind: "redirect", status: 302, location: "/login" },
      responseHeaders: [{ op: "set", name: "x-a", value: "1" }],
    });
    expect(decide({ allowed: false, http_status: 304 }).decision).toMatchObject({
      kind: "block",
      status: 304,
    });
  });

  test("metadata goes to the audit", () => {
    expect(decide({ allowed: false, dynamic_metadata: { why: "x" } }).audit.custom).toEqual({ why: "x" });
  });

  test.each([
    [{ http_status: 100 }, "guest-status-range"],
    [{ http_status: 600 }, "guest-status-range"],
    [{ http_status: "403" }, "guest-result-shape"],
    [{ http_status: 403.5 }, "guest-result-shape"],
    [{ body: 1 }, "guest-result-shape"],
    [{ body: { a: 1 } }, "guest-result-shape"],
    [{ headers: "x" }, "guest-result-shape"],
    [{ headers: { a: 1 } }, "guest-result-shape"],
    [{ headers: { a: [["1"]] } }, "guest-result-shape"],
    [{ headers: { "a b": "1" } }, "guest-header-name"],
    [{ headers: { a: "1\r\nb: 2" } }, "guest-header-value"],
    [{ dynamic_metadata: [] }, "guest-result-shape"],
  ])("%j is a failure", (part, code) => {
    expect(failureOf(() => decide({ allowed: false, ...part }))).toStartWith(code);
  });

  test.each([
    [{ request_headers_to_remove: "x" }],
    [{ request_headers_to_remove: [1] }],
    [{ response_headers_to_add: [1] }],
  ])("%j is a failure when it allows", (part) => {
    expect(failureOf(() => decide({ allowed: true, ...part }))).toStartWith("guest-result-shape");
  });
});

describe("changes of the query", () => {
  test("are reported as ignored, whatever else the decision says", () => {
    const ignored: string[] = [];
    const onIgnored = (key: string) => void ignored.push(key);
    const result = { query_parameters_to_set: {}, query_parameters_to_remove: ["a"] };
    expect(decide({ allowed: true, ...result }, { onIgnored })).toBe(PLAIN_ALLOW);
    expect(ignored).toEqual(["query_parameters_to_set", "query_parameters_to_remove"]);
  });
});

describe("at a response", () => {
  test("headers of either key are the response's", () => {
    const result = { allowed: true, headers: { "x-a": "1" }, response_headers_to_add: { "x-b": "2" } };
    expect(decide(result, { kind: "response-headers" })).toMatchObject({
      requestHeaders: [],
      responseHeaders: [
        { op: "set", name: "x-a", value: "1" },
        { op: "set", name: "x-b", value: "2" },
      ],
    });
  });
});

describe("other integrations", () => {
  test("Dapr: allow, status_code, additional_headers", () => {
    const result = { allow: false, status_code: 302, additional_headers: { location: "/x" } };
    expect(decide(result, { input: "dapr" }).decision).toEqual({
      kind: "redirect",
      status: 302,
      location: "/x",
    });
    expect(failureOf(() => decide({ allowed: true }, { input: "dapr" }))).toStartWith("guest-result-shape");
  });

  test("APISIX: allow, status_code, and a reason that may be an object", () => {
    const input = "apisix";
    expect(decide({ allow: false, status_code: 401, reason: "no" }, { input }).decision).toMatchObject({
      body: "no",
    });
    expect(decide({ allow: false, reason: { code: 7 } }, { input }).decision).toMatchObject({
      body: '{"code":7}',
    });
    expect(failureOf(() => decide({ allow: false, reason: 7 }, { input }))).toStartWith("guest-result-shape");
  });

  test("a reason is not shown to clients by policies for Envoy", () => {
    expect(decide({ allowed: false, reason: "internal" }).decision).toEqual(DENIED);
  });

  test("json: a boolean, or a result of the JSON ABI", () => {
    const input = "json";
    expect(decide(true, { input })).toBe(PLAIN_ALLOW);
    const result = { decision: "block", status: 451, body: "gone", tags: ["t"] };
    expect(decide(result, { input })).toMatchObject({
      decision: { kind: "block", status: 451, body: "gone" },
      audit: { tags: ["t"] },
    });
    expect(failureOf(() => decide({ allowed: true }, { input }))).toStartWith("guest-result-shape");
  });
});
