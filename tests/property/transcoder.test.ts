/** What the transcoder takes, it takes as the decoder and the guests' encoder would, byte for byte. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { byDecoder, byTranscoder, sharedTranscoder, type Way } from "../support/transcoded.ts";
import { headerLists, text } from "./arbitraries.ts";

const transcoder = sharedTranscoder();
const ways = fc.constantFrom<Way>("v1-request", "v2-request", "v2-response");

/** As the text of a header or an address really is, most of the time. */
const plainText = fc.oneof(
  fc.string({ maxLength: 40 }),
  text,
  fc.constantFrom("", '"quoted"', "back\\slash", "tab\there", "é", "\u0001", "a".repeat(200)),
);
const address = fc.oneof(
  plainText,
  fc.ipV4(),
  fc.ipV4().map((ip) => `${ip}:50412`),
  fc.ipV6().map((ip) => `[${ip}]:443`),
  fc.ipV6(),
  fc.ipV6().map((ip) => `[${ip}]`),
  fc.constantFrom(
    "1.2.3.4:",
    "1.2.3.4:x",
    "1234.1.1.1:1",
    "1.2.3:4",
    "[",
    "[]:1",
    "[::1]x",
    "[::1]:",
    "[a]",
    "[]",
    "[1.2.3.4]",
    "unknown",
  ),
);
const nullable = fc.option(plainText);
const port = fc.integer({ min: 0, max: 70_000 });

const metadata = fc.record(
  {
    correlation_id: plainText,
    request_id: plainText,
    client_ip: address,
    client_port: port,
    server_name: nullable,
    protocol: plainText,
    tls_version: nullable,
    tls_cipher: nullable,
    route_id: nullable,
    upstream_id: nullable,
    timestamp: plainText,
    traceparent: nullable,
    unknown: fc.oneof(nullable, fc.boolean(), fc.integer()),
  },
  { requiredKeys: ["request_id", "client_ip", "client_port", "protocol", "timestamp"] },
);
const headers = fc.oneof(
  headerLists,
  fc.dictionary(fc.stringMatching(/^:?[a-z-]{0,20}$/), fc.array(plainText, { maxLength: 3 }), {
    maxKeys: 40,
  }),
);
const payload = fc.record(
  {
    correlation_id: plainText,
    metadata,
    method: plainText,
    uri: plainText,
    headers,
    status: port,
    more: fc.oneof(nullable, fc.boolean(), fc.jsonValue({ maxDepth: 1 })),
  },
  { requiredKeys: ["metadata", "method", "uri", "headers", "status"] },
);

function frameOf(way: Way, members: object): string {
  const json = JSON.stringify(members);
  return way === "v1-request" ? `{"version":1,"event_type":"request_headers","payload":${json}}` : json;
}

/** The members of the first level, in another order. */
const shuffled = payload.chain((members) =>
  fc
    .shuffledSubarray(Object.entries(members), { minLength: Object.keys(members).length })
    .map((entries) => Object.fromEntries(entries)),
);

test("events of any content and order", () => {
  fc.assert(
    fc.property(ways, shuffled, (way, members) => {
      const frame = Buffer.from(frameOf(way, members));
      const transcoded = byTranscoder(transcoder, way, frame);
      if (transcoded !== null) expect(transcoded).toEqual(byDecoder(way, frame)!);
    }),
    { numRuns: 3000 },
  );
});

test("frames with bytes changed, cut out or doubled: what the decoder refuses, the transcoder does not take", () => {
  const change = fc.record({
    at: fc.nat(),
    cut: fc.integer({ min: 0, max: 30 }),
    put: fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc
        .constantFrom('"', "\\", "{", "}", "[", "]", ",", ":", "\\u0041", "0", "null", '"a":1,')
        .map((s) => Buffer.from(s)),
    ),
  });
  fc.assert(
    fc.property(ways, shuffled, fc.array(change, { minLength: 1, maxLength: 3 }), (way, members, changes) => {
      let frame = Buffer.from(frameOf(way, members));
      for (const { at, cut, put } of changes) {
        const start = at % (frame.length + 1);
        frame = Buffer.concat([frame.subarray(0, start), put, frame.subarray(start + cut)]);
      }
      const transcoded = byTranscoder(transcoder, way, frame);
      if (transcoded !== null) expect(transcoded).toEqual(byDecoder(way, frame)!);
    }),
    { numRuns: 6000 },
  );
});
