/** Events as proxies write them become neutral events, and those become the JSON that guests are promised. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeInput } from "../../src/abi/json/input-encoder.ts";
import { decodeEvent, parseJsonObject } from "../../src/protocol/event-decoder.ts";
import { requestHeaders, responseHeaders } from "../support/proxy-messages.ts";
import { headerLists, text } from "./arbitraries.ts";

const PLAIN = { canonicalHeaderCase: false, abiFlags: 0 };

const joined = (headers: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !name.startsWith(":"))
      .map(([name, values]) => [name, values.join(", ")]),
  );

test("a request reaches the guest with exactly the documented keys", () => {
  const facts = fc.record({ id: text, uri: text, method: text, headers: headerLists });
  fc.assert(
    fc.property(facts, (request) => {
      const event = decodeEvent("request-headers", parseJsonObject(JSON.stringify(requestHeaders(request))));
      if (event.kind !== "request-headers") throw new Error("decoded to another kind");
      expect(JSON.parse(encodeInput(event, PLAIN))).toEqual({
        method: request.method,
        uri: request.uri,
        client_ip: "203.0.113.9",
        correlation_id: request.id,
        headers: joined(request.headers),
      });
    }),
  );
});

test("a response reaches the guest with exactly the documented keys", () => {
  const facts = fc.record({ id: text, status: fc.integer({ min: 0, max: 65_535 }), headers: headerLists });
  fc.assert(
    fc.property(facts, (response) => {
      const event = decodeEvent(
        "response-headers",
        parseJsonObject(JSON.stringify(responseHeaders(response))),
      );
      if (event.kind !== "response-headers") throw new Error("decoded to another kind");
      expect(JSON.parse(encodeInput(event, PLAIN))).toEqual({
        status: response.status,
        correlation_id: response.id,
        headers: joined(response.headers),
      });
    }),
  );
});
