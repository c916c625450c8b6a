import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { InputError } from "../../../src/event/input-error.ts";
import { readEvent, writeEvent } from "../../../src/telemetry/recording/event-json.ts";
import { readRequest, readResponse } from "../../../src/telemetry/recording/headers-json.ts";
import { REDACTED } from "../../../src/telemetry/recording/redaction.ts";
import type { HeadersEvent, ProxyEvent, RequestHeadersEvent } from "../../../src/event/event.ts";

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
    expect(readRequest({ headers: { a: "1", b: ["2", "3"], c: [] } }).headers).toEqual({
      a: ["1"],
      b: ["2", "3"],
      c: [],
    });
  });

  test("takes lists of header values, as guests may ask for them, before joined ones", () => {
    const event = readRequest({ headers: { cookie: "a=1, b=2" }, multi_headers: { cookie: ["a=1", "b=2"] } });
    expect(event.headers).toEqual({ cookie: ["a=1", "b=2"] });
  });

  test("keeps headers whose names objects have by nature", () => {
    const event = readRequest(JSON.parse('{"headers":{"__proto__":"p","constructor":"c"}}'));
    expect(Object.entries(event.headers)).toEqual([
      ["__proto__", ["p"]],
      ["constructor", ["c"]],
    ]);
  });

  test("keeps metadata whose names objects have by nature", () => {
    const text = '{"kind":"guardrail","metadata":{"__proto__":"p","prototype":"q","constructor":"c"}}';
    const event = readEvent(JSON.parse(text));
    if (event.kind !== "guardrail-inspect") throw new Error(`read as ${event.kind}`);
    expect(Object.entries(event.metadata)).toEqual([
      ["__proto__", "p"],
      ["prototype", "q"],
      ["constructor", "c"],
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
    [
      "a misspelt key",
      { url: "/" },
      'an event of this kind has no key "url"; the command "schema event" prints all, and "kind" names the kind',
    ],
    ["a response with a method", { status: 200, method: "GET" }, 'an event of this kind has no key "method"'],
    [
      "a kind that does not exist",
      { kind: "trailers" },
      "kind of the event must be one of request_headers, request_body,",
    ],
    ["a kind that is no text", { kind: 7 }, "kind of the event must be one of"],
    [
      "a body both as text and as base64",
      { kind: "request_body", body: "a", body_base64: "YQ==" },
      "the event has both body and body_base64; give one of them",
    ],
    [
      "a body in base64 without its padding",
      { kind: "request_body", body_base64: "YQ" },
      "body_base64 of the event must be padded base64",
    ],
    [
      "a negative chunk index",
      { kind: "request_body", chunk_index: -1 },
      "chunk_index of the event must be at least 0",
    ],
    ["a flag in words", { kind: "websocket_frame", fin: "yes" }, "fin of the event must be true or false"],
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
  const request: fc.Arbitrary<RequestHeadersEvent> = fc.record({
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

  const later = {
    correlationId: text,
    request: fc.option(
      request.map((event) => ({
        ...event,
        metadata: {
          ...(readRequest({}) as RequestHeadersEvent).metadata,
          requestId: event.correlationId,
          clientAddress: event.metadata.clientAddress,
          routeId: event.metadata.routeId,
        },
      })),
      { nil: undefined },
    ),
  };
  const requiredLater = ["kind", "correlationId"] as const;
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
  const body = fc.record(
    {
      ...later,
      kind: fc.constantFrom("request-body-chunk" as const, "response-body-chunk" as const),
      bytes,
      isLast: fc.boolean(),
      chunkIndex: fc.nat(),
      totalBytes: fc.option(fc.nat()),
      bytesSoFar: fc.nat(),
      context: fc.record({
        isTruncated: fc.boolean(),
        canReplace: fc.boolean(),
        mustKeepLength: fc.boolean(),
      }),
    },
    { requiredKeys: [...requiredLater, "bytes", "isLast", "chunkIndex", "totalBytes", "bytesSoFar"] },
  );
  const frame = fc.record({
    ...later,
    kind: fc.constant("websocket-frame" as const),
    opcode: text,
    bytes,
    isFromClient: fc.boolean(),
    frameIndex: fc.nat(),
    isFinal: fc.boolean(),
    routeId: optionalText,
    clientAddress: text,
  });
  const guardrail = fc.record({
    ...later,
    kind: fc.constant("guardrail-inspect" as const),
    inspectionType: text,
    content: text,
    model: optionalText,
    categories: fc.array(text),
    routeId: optionalText,
    metadata: fc.dictionary(fc.string(), text, { noNullPrototype: true }),
  });
  const complete = fc.record({
    ...later,
    kind: fc.constant("request-complete" as const),
    status: fc.nat(65_535),
    durationMs: fc.nat(),
    requestBodyBytes: fc.nat(),
    responseBodyBytes: fc.nat(),
    upstreamAttempts: fc.nat(),
    error: optionalText,
  });

  test("loses nothing on its way through a file, whatever its kind", () => {
    const kinds: fc.Arbitrary<ProxyEvent> = fc.oneof(request, response, body, frame, guardrail, complete);
    fc.assert(
      fc.property(kinds, (event) => {
        expect(readEvent(JSON.parse(JSON.stringify(writeEvent(event))))).toEqual(event);
      }),
    );
  });

  test("of a body is a whole one when it says no more, as text or as base64", () => {
    const plain = readEvent({ kind: "request_body", body: "é" });
    expect(plain).toEqual({
      kind: "request-body-chunk",
      correlationId: "call",
      bytes: Buffer.from("é"),
      isLast: true,
      chunkIndex: 0,
      totalBytes: 2,
      bytesSoFar: 2,
    });
    expect(readEvent({ kind: "request-body", body_base64: "w6k=" })).toEqual(plain);
  });

  test("of a piece of a body says that its size is not known", () => {
    expect(readEvent({ kind: "request_body", body: "a", total_size: null })).toMatchObject({
      totalBytes: null,
    });
  });

  test("keeps what the guest was told about a body", () => {
    expect(readEvent({ kind: "response_body", truncated: true })).toMatchObject({
      context: { isTruncated: true, canReplace: false, mustKeepLength: false },
    });
  });

  test("may name its kind in the proxy's words even if it is about headers", () => {
    expect(readEvent({ kind: "request_headers", uri: "/a" })).toEqual(readEvent({ uri: "/a" }));
    expect(readEvent({ kind: "response-headers", status: 200 })).toEqual(readEvent({ status: 200 }));
  });

  test("is written with the request as the guest read it, be it kept as an event or as its text", () => {
    const json =
      '{"method":"PUT","uri":"/a","client_ip":"::1","correlation_id":"x","headers":{"cookie":"s","host":"h"},"route_id":"api"}';
    const event = readResponse({ status: 200, correlation_id: "x" });
    event.request = { kind: "request-text", json };
    const written = writeEvent(event, new Set(["cookie"]));
    expect(written).toMatchObject({
      request: {
        method: "PUT",
        uri: "/a",
        client_ip: "::1",
        correlation_id: "x",
        headers: { cookie: [REDACTED], host: ["h"] },
        route_id: "api",
      },
    });
    const again = readEvent(JSON.parse(JSON.stringify(written)));
    expect(writeEvent(again)).toEqual(written);
  });

  test("is written without the values of redacted headers, whatever their names' case", () => {
    const event = readEvent({ headers: { Cookie: ["a=1", "b=2"], host: "a.test" } });
    expect(writeEvent(event, new Set(["cookie"]))).toMatchObject({
      headers: { Cookie: [REDACTED, REDACTED], host: ["a.test"] },
    });
  });
});
