/** Arbitrary events, verdicts and chunkings for the properties. */

import fc from "fast-check";
import type { HeaderOp } from "../../src/event/header-ops.ts";
import type { Audit, Decision, Verdict } from "../../src/event/verdict.ts";

/** Text that UTF-8 can carry, control characters and all. */
export const text = fc.string({ unit: "binary", maxLength: 20 }).filter((value) => value.isWellFormed());

export const headerName = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/),
  fc.constantFrom("__proto__", "constructor", "toString", "0", "x-a", "set-cookie"),
);

export const headerLists = fc.dictionary(headerName, fc.array(text, { maxLength: 3 }), { maxKeys: 6 });

const headerOp: fc.Arbitrary<HeaderOp> = fc.oneof(
  fc.record({ op: fc.constant("set" as const), name: headerName, value: text }),
  fc.record({ op: fc.constant("add" as const), name: headerName, value: text }),
  fc.record({ op: fc.constant("remove" as const), name: headerName }),
);

const decision: fc.Arbitrary<Decision> = fc.oneof(
  fc.constant({ kind: "allow" as const }),
  fc.record({
    kind: fc.constant("block" as const),
    status: fc.integer({ min: 200, max: 599 }),
    body: fc.option(text),
  }),
  fc.record({
    kind: fc.constant("redirect" as const),
    status: fc.constantFrom(301, 302, 303, 307, 308),
    location: text.filter((value) => value !== ""),
  }),
);

const audit: fc.Arbitrary<Audit> = fc.record({
  tags: fc.array(text, { maxLength: 3 }),
  ruleIds: fc.array(text, { maxLength: 3 }),
  reasonCodes: fc.array(text, { maxLength: 3 }),
  confidence: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  custom: fc.option(fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })),
});

export const verdict: fc.Arbitrary<Verdict> = fc.record({
  decision,
  requestHeaders: fc.array(headerOp, { maxLength: 4 }),
  responseHeaders: fc.array(headerOp, { maxLength: 4 }),
  audit,
  routingMetadata: fc.option(fc.dictionary(text, text, { maxKeys: 3 })),
});

/** Ways to cut a stream of any length: distances between the cuts. */
export const chunkSizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 });

export function cutInto(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < stream.length; i++) {
    const end = at + sizes[i % sizes.length]!;
    chunks.push(stream.subarray(at, end));
    at = end;
  }
  return chunks;
}
