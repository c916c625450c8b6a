/**
 * Holds the published schemas against the code: what guests are really given fits the one, and what the result decoder
 * takes and refuses is what the other says.
 */

import { describe, expect, test } from "bun:test";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { encodeInput } from "../../../src/abi/json/input-encoder.ts";
import { decodeResult } from "../../../src/abi/json/result-decoder.ts";
import { EVENT_KINDS, type EventKind, type ProxyEvent } from "../../../src/event/event.ts";
import { sampleExchange, sampleRequest } from "../../../src/tools/sample-events.ts";
import { SCHEMAS, type SchemaSubject } from "../../../src/tools/schemas.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { POLICY_TABLE } from "../../examples/policy-table.ts";

function validator(subject: SchemaSubject): ValidateFunction {
  return new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(SCHEMAS[subject]);
}

const isEvent = validator("event");
const isResult = validator("result");

function isTaken(result: unknown, kind: EventKind = "request-headers"): boolean {
  try {
    decodeResult(JSON.stringify(result), kind);
    return true;
  } catch (error) {
    if (error instanceof EventFailure) return false;
    throw error;
  }
}

describe("the schema of events", () => {
  const samples = EVENT_KINDS.map((kind) => sampleExchange(kind).at(-1)!);
  const ofExchange = samples.map((event) =>
    event.kind === "request-headers" ? event : { ...event, request: sampleRequest() },
  );
  const events: readonly ProxyEvent[] = [
    ...samples,
    ...ofExchange,
    ...POLICY_TABLE.map(({ event }) => event),
  ];
  const forms = [0, 1, 2, 3].flatMap((abiFlags) =>
    [true, false].map((canonicalHeaderCase) => ({ abiFlags, canonicalHeaderCase })),
  );

  for (const form of forms) {
    test(`fits everything guests are given with flags ${form.abiFlags}${form.canonicalHeaderCase ? " and canonical headers" : ""}`, () => {
      for (const event of events) {
        const input = JSON.parse(encodeInput(event, form));
        expect([isEvent(input), isEvent.errors]).toEqual([true, null]);
      }
    });
  }

  test("names every key guests are given, and no other", () => {
    const { $defs } = SCHEMAS.event as { $defs: Record<string, { properties: Record<string, unknown> }> };
    const keysOf = (name: string) => Object.keys($defs[name]?.properties ?? {}).sort();
    const given = (kind: EventKind) => {
      const event = ofExchange.find((candidate) => candidate.kind === kind)!;
      return JSON.parse(encodeInput(event, { abiFlags: 7, canonicalHeaderCase: false }));
    };
    const shown = (value: object) => Object.keys(value).sort();
    expect(keysOf("request")).toEqual(shown(given("request-headers")));
    expect(keysOf("response")).toEqual(shown(given("response-headers")));
    expect(keysOf("metadata")).toEqual(shown(given("request-headers").metadata));
    expect(keysOf("body")).toEqual(shown(given("request-body-chunk")));
    expect(keysOf("body")).toEqual(shown(given("response-body-chunk")));
    expect(keysOf("frame")).toEqual(shown(given("websocket-frame")));
    expect(keysOf("guardrail")).toEqual(shown(given("guardrail-inspect")));
    expect(keysOf("complete")).toEqual(shown(given("request-complete")));
    expect(keysOf("requestOfExchange")).toEqual(shown(given("response-headers").request));
  });

  const wrong: readonly [name: string, value: unknown][] = [
    ["an event without headers", { status: 200, correlation_id: "a" }],
    [
      "header values in a list where one text belongs",
      { status: 200, correlation_id: "a", headers: { a: ["1"] } },
    ],
    ["a misspelt key", { status: 200, correlation_id: "a", headers: {}, header: {} }],
    [
      "both kinds at once",
      {
        ...JSON.parse(encodeInput(sampleRequest(), { abiFlags: 0, canonicalHeaderCase: false })),
        status: 200,
      },
    ],
  ];
  for (const [name, value] of wrong) {
    test(`does not fit ${name}`, () => expect(isEvent(value)).toBe(false));
  }
});

describe("the schema of results", () => {
  const samples: readonly [result: unknown, isRight: boolean][] = [
    [{ decision: "allow" }, true],
    [{ decision: "Deny" }, true],
    [{ decision: "BLOCK", status: 403, body: "no\n" }, true],
    [{ decision: "redirect", status: 308, body: "/login" }, true],
    [{ decision: "allow", status: 700 }, true],
    [{ decision: "allow", status: null, body: null, tags: null, custom: null }, true],
    [{ decision: "allow", unknown: [1] }, true],
    [{ decision: "allow", add_request_headers: { "X-A": "1", "X-B": ["1", "2"], "X-C": [] } }, true],
    [{ decision: "allow", add_response_headers: { "X-A": "tab\there" } }, true],
    [{ decision: "allow", remove_response_headers: ["Server"] }, true],
    [
      {
        decision: "allow",
        confidence: 0.5,
        rule_ids: ["r"],
        reason_codes: ["c"],
        custom: { a: [1, { b: null }] },
      },
      true,
    ],
    [{ decision: "allow", routing_metadata: { pool: "b" } }, true],
    [{}, false],
    [[], false],
    ["allow", false],
    [null, false],
    [{ decision: "" }, false],
    [{ decision: "allow " }, false],
    [{ decision: "maybe" }, false],
    [{ decision: 1 }, false],
    [{ decision: "block", status: 200 }, true],
    [{ decision: "block", status: 199 }, false],
    [{ decision: "redirect", status: 101 }, false],
    [{ decision: "block", status: 600 }, false],
    [{ decision: "allow", status: 65_536 }, false],
    [{ decision: "allow", status: -1 }, false],
    [{ decision: "block", status: "403" }, false],
    [{ decision: "block", status: 403.5 }, false],
    [{ decision: "block", body: 7 }, false],
    [{ decision: "redirect", body: "/a\r\nb" }, false],
    [{ decision: "allow", tags: "a" }, false],
    [{ decision: "allow", tags: [1] }, false],
    [{ decision: "allow", confidence: "high" }, false],
    [{ decision: "allow", custom: [1] }, false],
    [{ decision: "allow", routing_metadata: { pool: 1 } }, false],
    [{ decision: "allow", add_request_headers: { "X A": "1" } }, false],
    [{ decision: "allow", add_request_headers: { "": "1" } }, false],
    [{ decision: "allow", add_request_headers: { "X-A": 1 } }, false],
    [{ decision: "allow", add_request_headers: { "X-A": ["1", 2] } }, false],
    [{ decision: "allow", add_request_headers: { "X-A": "a\nb" } }, false],
    [{ decision: "allow", add_request_headers: ["X-A"] }, false],
    [{ decision: "allow", remove_request_headers: ["X:A"] }, false],
    [{ decision: "allow", remove_request_headers: { "X-A": "" } }, false],
  ];
  for (const [result, isRight] of samples) {
    test(`and the decoder both ${isRight ? "take" : "refuse"} ${JSON.stringify(result)}`, () => {
      expect({ schema: isResult(result), decoder: isTaken(result) }).toEqual({
        schema: isRight,
        decoder: isRight,
      });
    });
  }

  const ofKinds: readonly (readonly [kind: EventKind, result: unknown, isRight: boolean])[] = [
    ["request-body-chunk", { decision: "allow", replace_body: "" }, true],
    ["request-body-chunk", { decision: "allow", replace_body: null, replace_body_base64: "AA==" }, true],
    ["response-body-chunk", { decision: "allow", replace_body_base64: "" }, true],
    ["response-body-chunk", { decision: "allow", replace_body_base64: "AA" }, false],
    ["response-body-chunk", { decision: "allow", replace_body_base64: "A*==" }, false],
    ["response-body-chunk", { decision: "allow", replace_body: "a", replace_body_base64: "AA==" }, false],
    ["response-body-chunk", { decision: "allow", replace_body: 7 }, false],
    ["websocket-frame", { decision: "allow", frame: "allow" }, true],
    ["websocket-frame", { decision: "allow", frame: "drop" }, true],
    ["websocket-frame", { decision: "allow", frame: "close" }, true],
    ["websocket-frame", { decision: "allow", frame: null }, true],
    ["websocket-frame", { decision: "allow", frame: { close: {} } }, true],
    ["websocket-frame", { decision: "allow", frame: { close: { code: null, reason: null } } }, true],
    ["websocket-frame", { decision: "allow", frame: { close: { code: 4999, reason: "bye" } } }, true],
    ["websocket-frame", { decision: "allow", frame: { close: { code: 1014 } } }, true],
    ["websocket-frame", { decision: "allow", frame: "Drop" }, false],
    ["websocket-frame", { decision: "allow", frame: {} }, false],
    ["websocket-frame", { decision: "allow", frame: { close: "now" } }, false],
    ...[999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, "1000"].map(
      (code) => ["websocket-frame", { decision: "allow", frame: { close: { code } } }, false] as const,
    ),
    ["websocket-frame", { decision: "allow", frame: { close: { reason: "a".repeat(123) } } }, true],
    ["websocket-frame", { decision: "allow", frame: { close: { reason: "a".repeat(124) } } }, false],
    ["guardrail-inspect", { decision: "allow", detections: [] }, true],
    ["guardrail-inspect", { decision: "allow", detections: null }, true],
    ["guardrail-inspect", { decision: "allow", detections: [{ category: "email" }] }, true],
    [
      "guardrail-inspect",
      {
        decision: "block",
        detections: [
          {
            category: "ssn",
            description: "a number",
            severity: "high",
            confidence: 0.9,
            span: { start: 3, end: 14 },
          },
        ],
      },
      true,
    ],
    ["guardrail-inspect", { decision: "allow", detections: {} }, false],
    ["guardrail-inspect", { decision: "allow", detections: [{}] }, false],
    ["guardrail-inspect", { decision: "allow", detections: [{ category: "a", severity: "bad" }] }, false],
    ["guardrail-inspect", { decision: "allow", detections: [{ category: "a", span: { start: 1 } }] }, false],
    ["guardrail-inspect", { decision: "allow", detections: [{ category: "a", confidence: "1" }] }, false],
    ["guardrail-inspect", { decision: "allow", detections: [{ category: "a".repeat(1025) }] }, false],
    ["guardrail-inspect", { decision: "allow", detections: Array(257).fill({ category: "a" }) }, false],
  ];
  for (const [kind, result, isRight] of ofKinds) {
    const shown = JSON.stringify(result).slice(0, 80);
    test(`and the decoder both ${isRight ? "take" : "refuse"} ${shown} as an answer to a ${kind} event`, () => {
      expect({ schema: isResult(result), decoder: isTaken(result, kind) }).toEqual({
        schema: isRight,
        decoder: isRight,
      });
    });
  }

  const scalar = fc.constantFrom<unknown>(
    null,
    1,
    403,
    99.5,
    -1,
    "",
    "x",
    "a\nb",
    "é😀",
    true,
    [],
    ["a"],
    [1],
    {},
    { a: "b" },
    { "a b": "c" },
  );
  const result = fc.record(
    {
      decision: fc.constantFrom<unknown>("allow", "Block", "deny", "REDIRECT", "no", "", null, 1),
      status: scalar,
      body: scalar,
      add_request_headers: scalar,
      remove_request_headers: scalar,
      add_response_headers: scalar,
      remove_response_headers: scalar,
      tags: scalar,
      rule_ids: scalar,
      reason_codes: scalar,
      confidence: scalar,
      custom: scalar,
      routing_metadata: scalar,
      other: scalar,
    },
    { requiredKeys: [] },
  );

  test("and the decoder agree on whatever else a module may return", () => {
    fc.assert(
      fc.property(result, (value) => {
        expect(isResult(value)).toBe(isTaken(value));
      }),
      { numRuns: 2000 },
    );
  });
});
