import { describe, expect, test } from "bun:test";
import { DecodeError } from "../../../src/protocol/decode-error.ts";
import { decodeEvent, eventCorrelationId, parseJsonObject } from "../../../src/protocol/event-decoder.ts";
import { eventKindOf } from "../../../src/protocol/v2/message-type.ts";
import { passiveEvents, requestHeaders, responseHeaders } from "../../support/proxy-messages.ts";

type Changed = Record<string, unknown>;

/** The wire form of a request, with some keys of the top or of the metadata replaced. */
function request(top: Changed = {}, metadata: Changed = {}): Changed {
  const base = requestHeaders() as Changed;
  return { ...base, ...top, metadata: { ...(base["metadata"] as Changed), ...metadata } };
}

describe("request headers", () => {
  test("every field finds its place", () => {
    const event = decodeEvent(
      "request-headers",
      request(
        { uri: "/x?y=1", method: "PUT", headers: { host: ["a.test"], accept: ["a", "b"] } },
        {
          server_name: "a.test",
          tls_version: "1.3",
          tls_cipher: "c",
          upstream_id: "u",
          traceparent: "00-1",
          client_port: 50412,
        },
      ),
    );
    expect(event).toEqual({
      kind: "request-headers",
      correlationId: "3Nq8aXk2Tz1",
      method: "PUT",
      uri: "/x?y=1",
      headers: { host: ["a.test"], accept: ["a", "b"] },
      metadata: {
        requestId: "b1c9",
        clientAddress: "203.0.113.9",
        clientPort: 50412,
        serverName: "a.test",
        httpVersion: "HTTP/1.1",
        tlsVersion: "1.3",
        tlsCipher: "c",
        routeId: "api",
        upstreamId: "u",
        timestamp: "2026-07-01T12:00:00+00:00",
        traceparent: "00-1",
      },
    });
  });

  test("keys that nobody knows are ignored, and missing nullable ones are null", () => {
    const event = decodeEvent(
      "request-headers",
      request({ later: 1 }, { later: [], server_name: undefined }),
    );
    expect(event).toMatchObject({ metadata: { serverName: null, traceparent: null } });
  });

  test.each([
    ["metadata must be an object, got nothing", { metadata: undefined }, null],
    ["method must be a string, got nothing", { method: undefined }, {}],
    ["uri must be a string, got null", { uri: null }, {}],
    ["headers must be an object, got an array", { headers: [] }, {}],
    ["a value of headers must be an array of strings, got string", { headers: { host: "a.test" } }, {}],
    ["a value of headers must be an array of strings, got number", { headers: { host: ["a", 1] } }, {}],
    ["metadata.request_id must be a string, got number", {}, { request_id: 1 }],
    ["metadata.client_ip must be a string, got nothing", {}, { client_ip: undefined }],
    ["metadata.client_port must be an integer from 0 to 65535, got number", {}, { client_port: 65_536 }],
    ["metadata.client_port must be an integer from 0 to 65535, got number", {}, { client_port: 1.5 }],
    ["metadata.server_name must be a string or null, got boolean", {}, { server_name: true }],
    ["metadata.timestamp must be a string, got object", {}, { timestamp: {} }],
  ] as const)("%s", (message, top, metadata) => {
    const payload = metadata === null ? { ...request(), ...top } : request(top, metadata);
    expect(() => decodeEvent("request-headers", payload)).toThrow(new DecodeError(message));
  });
});

describe("response headers", () => {
  test("every field finds its place", () => {
    expect(decodeEvent("response-headers", responseHeaders({ id: "r", status: 404 }) as Changed)).toEqual({
      kind: "response-headers",
      correlationId: "r",
      status: 404,
      headers: { "content-type": ["text/html"], server: ["nginx"] },
    });
  });

  test.each([-1, 65_536, 200.5, "200", null])("a status of %p is refused", (status) => {
    const payload = { ...responseHeaders(), status };
    expect(() => decodeEvent("response-headers", payload)).toThrow(
      "status must be an integer from 0 to 65535",
    );
  });
});

describe("other events", () => {
  const decoded = passiveEvents("other").map(({ type, payload }) => {
    const kind = eventKindOf(type);
    if (kind === undefined) throw new Error("no event kind");
    return decodeEvent(kind, payload as Changed);
  });
  const correlationId = "other";
  const bytes = Buffer.from("hi");

  test("every field finds its place", () => {
    expect(decoded).toEqual([
      {
        kind: "request-body-chunk",
        correlationId,
        bytes,
        isLast: true,
        chunkIndex: 0,
        totalBytes: 2,
        bytesSoFar: 2,
      },
      {
        kind: "response-body-chunk",
        correlationId,
        bytes,
        isLast: true,
        chunkIndex: 0,
        totalBytes: 2,
        bytesSoFar: 2,
      },
      {
        kind: "request-complete",
        correlationId,
        status: 200,
        durationMs: 3,
        requestBodyBytes: 0,
        responseBodyBytes: 12,
        upstreamAttempts: 1,
        error: null,
      },
      {
        kind: "websocket-frame",
        correlationId,
        opcode: "text",
        bytes,
        isFromClient: true,
        frameIndex: 0,
        isFinal: true,
        routeId: null,
        clientAddress: "203.0.113.9",
      },
      {
        kind: "guardrail-inspect",
        correlationId,
        inspectionType: "pii_detection",
        content: "x",
        model: null,
        categories: [],
        routeId: null,
        metadata: {},
      },
    ]);
  });

  test("what older proxies leave out of a body event has a default", () => {
    const payload = { correlation_id: "b", data: "", is_last: false };
    expect(decodeEvent("request-body-chunk", payload)).toMatchObject({
      chunkIndex: 0,
      bytesSoFar: 0,
      totalBytes: null,
    });
  });

  test.each(["a", "a===", "aGk", "aGk=aGk=", "aG k", "é==="])("%p is no padded base64", (data) => {
    const payload = { correlation_id: "b", data, is_last: true, total_size: null };
    expect(() => decodeEvent("response-body-chunk", payload)).toThrow("data must be padded base64");
  });
});

describe("the correlation id", () => {
  test.each([
    ["the one at top level", { correlation_id: "top", metadata: { correlation_id: "inner" } }, "top"],
    ["else the one in the metadata", { metadata: { correlation_id: "inner" } }, "inner"],
    ["else none", {}, ""],
    [
      "also beside a top level of another type",
      { correlation_id: 5, metadata: { correlation_id: "inner" } },
      "inner",
    ],
    ["also without metadata", { metadata: null }, ""],
    ["an empty one is one, too", { correlation_id: "", metadata: { correlation_id: "inner" } }, ""],
  ])("%s", (_which, payload, expected) => {
    expect(eventCorrelationId(payload)).toBe(expected);
  });
});

describe("parseJsonObject", () => {
  test.each([
    ["{", "the payload is not JSON"],
    ["", "the payload is not JSON"],
    ["[]", "the payload must be an object, got an array"],
    ["null", "the payload must be an object, got null"],
    ['"x"', "the payload must be an object, got string"],
    ['{"uri":"\\ud800"}', "the payload has half a surrogate pair in an escape"],
  ])("%s is refused: %s", (text, message) => {
    expect(() => parseJsonObject(text)).toThrow(new DecodeError(message));
  });

  test("an escaped pair is a whole character", () => {
    expect(parseJsonObject('{"uri":"\\ud83d\\ude00"}')).toEqual({ uri: "😀" });
  });
});
