/** Every verdict reaches the proxy as it was meant, and every result a guest may write becomes the verdict it says. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { findRepeatedKey } from "../../src/abi/json/repeated-key.ts";
import { decodeResult as decode } from "../../src/abi/json/result-decoder.ts";
import type { HeaderOp } from "../../src/event/header-ops.ts";
import { acceptAnswer } from "../support/accepted-answer.ts";
import { encodeResponse } from "../support/encode-response.ts";
import { headerName, text, verdict } from "./arbitraries.ts";

const decodeResult = (text: string) => decode(text, "request-headers");

const line = (op: HeaderOp): string =>
  op.op === "remove" ? `remove ${op.name}` : `${op.op} ${op.name}: ${op.value}`;

/** As audit data must leave: what could break a line of a log, or drive a terminal, spelled out. */
const spelled = (given: string): string =>
  given.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    const short = "\b\f\n\r\t".indexOf(character);
    return short >= 0 ? `\\${"bfnrt"[short]}` : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });

const spelledEntries = (given: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(given).map(([key, value]) => [spelled(key), spelled(value)]));

const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

/** Every text in a value, keys included. */
function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...texts(inner)]);
}

test("an encoded verdict is accepted by the proxy's rules and says the same", () => {
  fc.assert(
    fc.property(verdict, text, (given, id) => {
      const answer = acceptAnswer(2, encodeResponse(given, { version: 2, hasTrueRedirect: true }, id));
      expect(answer.correlationId).toBe(id);
      expect(answer.requestHeaders).toEqual(given.requestHeaders.map(line));
      expect(answer.responseHeaders).toEqual(given.responseHeaders.map(line));
      expect(answer.tags).toEqual(given.audit.tags.map(spelled));
      expect(answer.ruleIds).toEqual(given.audit.ruleIds.map(spelled));
      expect(answer.reasonCodes).toEqual(given.audit.reasonCodes.map(spelled));
      // JSON has one zero.
      expect(answer.confidence).toBe(given.audit.confidence === null ? null : given.audit.confidence + 0);
      expect(answer.routingMetadata).toEqual(spelledEntries(given.routingMetadata ?? {}));
      for (const text of texts([answer.custom, answer.routingMetadata]))
        expect(text).not.toMatch(UNPRINTABLE);

      const decision = given.decision;
      if (decision.kind === "allow") expect(answer.decision).toBe("allow");
      if (decision.kind === "block") {
        expect(answer.decision).toMatchObject({ block: { status: decision.status, body: decision.body } });
      }
      if (decision.kind === "redirect") {
        expect(answer.decision).toMatchObject({ redirect: { status: decision.status } });
      }
    }),
  );
});

test("on v1, an encoded verdict carries no id and is accepted, too", () => {
  fc.assert(
    fc.property(verdict, fc.boolean(), (given, hasTrueRedirect) => {
      const answer = acceptAnswer(1, encodeResponse(given, { version: 1, hasTrueRedirect }, null));
      expect(answer.correlationId).toBeNull();
    }),
  );
});

test("a guest's own key correlation_id never replaces the id of the event", () => {
  fc.assert(
    fc.property(verdict, text, fc.jsonValue({ maxDepth: 1 }), (given, id, stolen) => {
      const custom = { ...given.audit.custom, correlation_id: stolen };
      const thief = { ...given, audit: { ...given.audit, custom } };
      expect(
        acceptAnswer(2, encodeResponse(thief, { version: 2, hasTrueRedirect: false }, id)).correlationId,
      ).toBe(id);
    }),
  );
});

test("a result within the contract becomes the verdict it describes", () => {
  const value = fc.stringMatching(/^[ -~é☃]{0,12}$/);
  // Names as HTTP knows them: __proto__ is one, too.
  const values = fc.dictionary(headerName, fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 })), {
    maxKeys: 4,
  });
  const result = fc.record(
    {
      decision: fc.constantFrom("allow", "Block", "DENY"),
      status: fc.option(fc.integer({ min: 200, max: 599 })),
      body: fc.option(text),
      add_request_headers: fc.option(values),
      remove_response_headers: fc.option(fc.array(headerName, { maxLength: 3 })),
      tags: fc.option(fc.array(text, { maxLength: 3 })),
      later: fc.jsonValue({ maxDepth: 1 }),
    },
    { requiredKeys: ["decision"] },
  );
  fc.assert(
    fc.property(result, (given) => {
      const decoded = decodeResult(JSON.stringify(given));
      const word = given.decision.toLowerCase();
      expect(decoded.decision).toEqual(
        word === "allow"
          ? { kind: "allow" }
          : { kind: "block", status: given.status ?? 403, body: given.body ?? null },
      );
      expect(decoded.audit.tags).toEqual(given.tags ?? []);
      expect(decoded.responseHeaders.map(line)).toEqual(
        (given.remove_response_headers ?? []).map((name) => `remove ${name}`),
      );
      const added = Object.entries(given.add_request_headers ?? {}).flatMap(([name, one]) =>
        (typeof one === "string" ? [one] : one).map(
          (item, i) => `${i === 0 ? "set" : "add"} ${name}: ${item}`,
        ),
      );
      expect(decoded.requestHeaders.map(line)).toEqual(added);
    }),
  );
});

test("a repeated key is found wherever it stands, and only at the top", () => {
  const entries = fc.array(fc.tuple(fc.constantFrom("a", "b", 'c"', "d\\"), fc.jsonValue({ maxDepth: 2 })), {
    maxLength: 6,
  });
  const spaces = fc.constantFrom("", " ", "\n\t");
  fc.assert(
    fc.property(entries, spaces, (pairs, space) => {
      const members = pairs.map(
        ([key, value]) => `${JSON.stringify(key)}${space}:${space}${JSON.stringify(value)}`,
      );
      const keys = pairs.map(([key]) => key);
      const repeated = keys.find((key, i) => keys.indexOf(key) < i) ?? null;
      expect(findRepeatedKey(`{${members.join(`,${space}`)}}`, new Set(keys))).toBe(repeated);
    }),
  );
});
