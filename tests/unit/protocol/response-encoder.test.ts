import { describe, expect, test } from "bun:test";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import { encodeResponse } from "../../support/encode-response.ts";

const V2 = { version: 2, hasTrueRedirect: false } as const;
const V2_REDIRECTING = { version: 2, hasTrueRedirect: true } as const;
const V1 = { version: 1, hasTrueRedirect: false } as const;

const verdict = (parts: Partial<Verdict>): Verdict => ({ ...PLAIN_ALLOW, ...parts });

const block = (parts: Partial<Verdict> = {}): Verdict =>
  verdict({ decision: { kind: "block", status: 403, body: null }, ...parts });

const redirect = (status: number, location: string | null, parts: Partial<Verdict> = {}): Verdict =>
  verdict({ decision: { kind: "redirect", status, location }, ...parts });

describe("what holds nothing is left out", () => {
  test("a plain allow on v1 has no id", () => {
    expect(encodeResponse(PLAIN_ALLOW, V1, null)).toBe('{"version":1,"decision":"allow"}');
  });

  test("a plain allow on v2 has nothing but its id", () => {
    expect(encodeResponse(PLAIN_ALLOW, V2, 'i"d')).toBe(
      '{"version":2,"decision":"allow","audit":{"custom":{"correlation_id":"i\\"d"}}}',
    );
  });

  test("a block without a body leaves the text to the proxy, an empty body asks for none", () => {
    expect(encodeResponse(block(), V1, null)).toBe('{"version":1,"decision":{"block":{"status":403}}}');
    expect(encodeResponse(block({ decision: { kind: "block", status: 429, body: "" } }), V1, null)).toBe(
      '{"version":1,"decision":{"block":{"status":429,"body":""}}}',
    );
  });
});

describe("header operations", () => {
  test("keep their order", () => {
    const text = encodeResponse(
      verdict({
        requestHeaders: [
          { op: "set", name: "X-A", value: "1" },
          { op: "add", name: "X-A", value: "2" },
          { op: "remove", name: "X-B" },
        ],
        responseHeaders: [{ op: "remove", name: "Server" }],
      }),
      V1,
      null,
    );
    expect(text).toBe(
      '{"version":1,"decision":"allow","request_headers":[{"set":{"name":"X-A","value":"1"}},{"add":{"name":"X-A","value":"2"}},{"remove":{"name":"X-B"}}],"response_headers":[{"remove":{"name":"Server"}}]}',
    );
  });

  test("response headers of a refusal stand inside the block, too: newer proxies look there alone", () => {
    const refused = block({
      responseHeaders: [
        { op: "set", name: "Retry-After", value: "5" },
        { op: "set", name: "Set-Cookie", value: "a=1" },
        { op: "add", name: "set-cookie", value: "b=2" },
        { op: "set", name: "X-Gone", value: "1" },
        { op: "remove", name: "x-gone" },
      ],
    });
    expect(JSON.parse(encodeResponse(refused, V2, "i")).decision).toEqual({
      block: { status: 403, headers: { "Retry-After": "5", "Set-Cookie": "a=1, b=2" } },
    });
  });
});

describe("redirects", () => {
  test("are blocks with a Location for proxies that do not honour them, in headers and as an operation", () => {
    expect(JSON.parse(encodeResponse(redirect(302, "/login"), V2, "i"))).toEqual({
      version: 2,
      decision: { block: { status: 302, body: "", headers: { Location: "/login" } } },
      response_headers: [{ set: { name: "Location", value: "/login" } }],
      audit: { custom: { correlation_id: "i" } },
    });
  });

  test("are redirects for proxies that do", () => {
    expect(JSON.parse(encodeResponse(redirect(307, "/x"), V2_REDIRECTING, "i"))).toEqual({
      version: 2,
      decision: { redirect: { url: "/x", status: 307 } },
      audit: { custom: { correlation_id: "i" } },
    });
  });

  test.each([301, 302, 303, 307, 308])("keep the status %d", (status) => {
    expect(
      JSON.parse(encodeResponse(redirect(status, "/x"), V2_REDIRECTING, "i")).decision.redirect.status,
    ).toBe(status);
  });

  test.each([300, 304, 305, 200, 404])(
    "with the status %d stay a block, since a proxy would make it 302",
    (status) => {
      expect(JSON.parse(encodeResponse(redirect(status, "/x"), V2_REDIRECTING, "i")).decision).toEqual({
        block: { status, body: "", headers: { Location: "/x" } },
      });
    },
  );

  test("without a target are blocks without a Location", () => {
    for (const form of [V2, V2_REDIRECTING]) {
      expect(JSON.parse(encodeResponse(redirect(302, null), form, "i")).decision).toEqual({
        block: { status: 302 },
      });
    }
  });

  test("put Location before the guest's own operations, which win", () => {
    const answer = JSON.parse(
      encodeResponse(
        redirect(302, "/a", { responseHeaders: [{ op: "set", name: "location", value: "/b" }] }),
        V2,
        "i",
      ),
    );
    expect(answer.response_headers).toEqual([
      { set: { name: "Location", value: "/a" } },
      { set: { name: "location", value: "/b" } },
    ]);
    expect(answer.decision.block.headers).toEqual({ location: "/b" });
  });

  test("are percent-encoded in every form", () => {
    for (const form of [V2, V2_REDIRECTING]) {
      const text = encodeResponse(redirect(302, "/ü x"), form, "i");
      expect(text).toContain("/%C3%BC%20x");
      expect(text).not.toContain("ü");
    }
  });
});

describe("the audit", () => {
  const audit = { tags: ["t"], ruleIds: ["r"], reasonCodes: ["c"], confidence: 0.5, custom: { k: [1] } };

  test("carries what there is, in a fixed order", () => {
    expect(encodeResponse(verdict({ audit }), V2, "i")).toBe(
      '{"version":2,"decision":"allow","audit":{"tags":["t"],"rule_ids":["r"],"confidence":0.5,"reason_codes":["c"],"custom":{"k":[1],"correlation_id":"i"}}}',
    );
  });

  test("a confidence of zero is a confidence", () => {
    expect(encodeResponse(verdict({ audit: { ...audit, confidence: 0 } }), V2, "i")).toContain(
      '"confidence":0,',
    );
  });

  test("a guest's correlation_id is dropped on v1 and replaced on v2", () => {
    const stolen = verdict({ audit: { ...audit, custom: { correlation_id: "theirs" } } });
    expect(encodeResponse(stolen, V1, null)).not.toContain("theirs");
    expect(JSON.parse(encodeResponse(stolen, V2, "ours")).audit.custom).toEqual({ correlation_id: "ours" });
  });

  test("routing metadata stands beside it", () => {
    expect(
      JSON.parse(encodeResponse(verdict({ routingMetadata: { a: "b" } }), V1, null)).routing_metadata,
    ).toEqual({
      a: "b",
    });
  });
});

describe("text of a guest in audit data and routing metadata", () => {
  const HOSTILE = 'a\nb\t\u001b[2J\u007f\u009b\u202e\u2028"\\n';
  const SPELLED = 'a\\nb\\t\\u001b[2J\\u007f\\u009b\\u202e\\u2028"\\n';
  const hostile = verdict({
    audit: {
      tags: [HOSTILE, "clean"],
      ruleIds: [HOSTILE],
      reasonCodes: [HOSTILE],
      confidence: null,
      custom: { [HOSTILE]: [{ [HOSTILE]: HOSTILE, number: 1 }] },
    },
    routingMetadata: { [HOSTILE]: HOSTILE },
  });

  test("leaves with its control characters spelled out, in keys as well, and at any depth", () => {
    expect(JSON.parse(encodeResponse(hostile, V2, "i"))).toEqual({
      version: 2,
      decision: "allow",
      audit: {
        tags: [SPELLED, "clean"],
        rule_ids: [SPELLED],
        reason_codes: [SPELLED],
        custom: { [SPELLED]: [{ [SPELLED]: SPELLED, number: 1 }], correlation_id: "i" },
      },
      routing_metadata: { [SPELLED]: SPELLED },
    });
  });

  test("keeps what only looks like an escape, and letters of every language", () => {
    const tags = ["C:\\new\\table", '\\"', "héé☃", "क्‍ष", "👩‍💻"];
    const audit = { ...PLAIN_ALLOW.audit, tags: [...tags, "\n"] };
    expect(JSON.parse(encodeResponse(verdict({ audit }), V2, "i")).audit.tags).toEqual([...tags, "\\n"]);
  });

  test("never repeats a key, which proxies would refuse", () => {
    const text = encodeResponse(verdict({ routingMetadata: { "a\n": "1", "a\\n": "2" } }), V1, null);
    expect(text).toBe('{"version":1,"decision":"allow","routing_metadata":{"a\\\\n":"2"}}');
  });
});
