import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { InputError } from "../../../src/event/input-error.ts";
import { readEvent, writeEvent } from "../../../src/telemetry/recording/event-json.ts";
import { REDACTED } from "../../../src/telemetry/recording/redaction.ts";
import type { HeadersEvent } from "../../../src/event/event.ts";

function refusalOf(value: unknown): string {
  try {
    readEvent(value);
  } catch (error) {
    if (error instanceof InputError && error.code === "event-shape") return error.message;
    throw error;
  }
  throw new Error("the event was accepted");
}

describe("an event in JSON", () => {
  test("is a request when it says nothing, with harmless values", () => {
    expect(readEvent({})).toEqual({
      kind: "request-headers",
      correlationId: "call",
      method: "GET",
      uri: "/",
      headers: {},
      metadata: {
        requestId: "call",
        clientAddress: "127.0.0.1",
        clientPort: 0,
        serverName: null,
        httpVersion: "HTTP/1.1",
        tlsVersion: null,
        tlsCipher: null,
        routeId: null,
        upstreamId: null,
        timestamp: "1970-01-01T00:00:00+00:00",
        traceparent: null,
      },
    });
  });

  test("is a response when it has a status", () => {
    expect(readEvent({ status: 404, correlation_id: "a", headers: { server: "x" } })).toEqual({
      kind: "response-headers",
      correlationId: "a",
      status: 404,
      headers: { server: ["x"] },
    });
  });

  test("has header values as one text or as a list", () => {
    expect(readEvent({ headers: { a: "1", b: ["2", "3"], c: [] } }).headers).toEqual({
      a: ["1"],
      b: ["2", "3"],
      c: [],
    });
  });

  test("takes lists of header values, as guests may ask for them, before joined ones", () => {
    const event = readEvent({ headers: { cookie: "a=1, b=2" }, multi_headers: { cookie: ["a=1", "b=2"] } });
    expect(event.headers).toEqual({ cookie: ["a=1", "b=2"] });
  });

  test("keeps headers whose names objects have by nature", () => {
    const event = readEvent(JSON.parse('{"headers":{"__proto__":"p","constructor":"c"}}'));
    expect(Object.entries(event.headers)).toEqual([
      ["__proto__", ["p"]],
      ["constructor", ["c"]],
    ]);
  });

  const refusals: readonly [name: string, value: unknown, said: string][] = [
    ["a list", [], "an event must be a JSON object"],
    ["null", null, "an event must be a JSON object"],
    ["a number as uri", { uri: 5 }, "uri of the event must be a text"],
    ["a number as a header's value", { headers: { a: 5 } }, "must be a text or a list of texts"],
    [
      "a list of headers",
      { headers: ["a"] },
      "headers of the event must be an object of header names and values",
    ],
    ["a status in words", { status: "200" }, "status of the event must be a number"],
    ["a status beyond 16 bits", { status: 65_536 }, "status of the event must be from 0 to 65535"],
    ["half a status", { status: 200.5 }, "status of the event must be a whole number"],
    ["a misspelt key", { url: "/" }, 'an event has no key "url"; the command "schema event" prints all'],
    ["a response with a method", { status: 200, method: "GET" }, 'an event has no key "method"'],
    ["a port beyond the last", { metadata: { client_port: 70_000 } }, "metadata.client_port of the event"],
  ];
  for (const [name, value, said] of refusals) {
    test(`is refused with ${name}`, () => {
      expect(refusalOf(value)).toContain(said);
    });
  }

  const text = fc.string({ unit: "binary" });
  const headers = fc.dictionary(fc.string({ minLength: 1 }), fc.array(text, { maxLength: 3 }));
  const optionalText = fc.option(text);
  const request: fc.Arbitrary<HeadersEvent> = fc.record({
    kind: fc.constant("request-headers" as const),
    correlationId: text,
    method: text,
    uri: text,
    headers,
    metadata: fc.record({
      requestId: text,
      clientAddress: text,
      clientPort: fc.nat(65_535),
      serverName: optionalText,
      httpVersion: text,
      tlsVersion: optionalText,
      tlsCipher: optionalText,
      routeId: optionalText,
      upstreamId: optionalText,
      timestamp: text,
      traceparent: optionalText,
    }),
  });
  const response: fc.Arbitrary<HeadersEvent> = fc.record({
    kind: fc.constant("response-headers" as const),
    correlationId: text,
    status: fc.nat(65_535),
    headers,
  });

  test("loses nothing on its way through a file", () => {
    fc.assert(
      fc.property(fc.oneof(request, response), (event) => {
        expect(readEvent(JSON.parse(JSON.stringify(writeEvent(event))))).toEqual(event);
      }),
    );
  });

  test("is written without the values of redacted headers, whatever their names' case", () => {
    const event = readEvent({ headers: { Cookie: ["a=1", "b=2"], host: "a.test" } });
    expect(writeEvent(event, new Set(["cookie"]))).toMatchObject({
      headers: { Cookie: [REDACTED, REDACTED], host: ["a.test"] },
    });
  });
});
