import { describe, expect, test } from "bun:test";
import { AbiFlag, encodeInput, type InputForm } from "../../../src/abi/json/input-encoder.ts";
import type { HeaderMap, RequestHeadersEvent, ResponseHeadersEvent } from "../../../src/event/event.ts";

const PLAIN: InputForm = { canonicalHeaderCase: false, abiFlags: 0 };
const CANONICAL: InputForm = { canonicalHeaderCase: true, abiFlags: 0 };

function request(headers: HeaderMap, clientAddress = "127.0.0.1:50412"): RequestHeadersEvent {
  return {
    kind: "request-headers",
    correlationId: "id",
    method: "GET",
    uri: "/x?y=1",
    headers,
    metadata: {
      requestId: "r",
      clientAddress,
      clientPort: 50412,
      serverName: null,
      httpVersion: "HTTP/1.1",
      tlsVersion: null,
      tlsCipher: null,
      routeId: "api",
      upstreamId: null,
      timestamp: "2026-07-01T12:00:00+00:00",
      traceparent: "00-1",
    },
  };
}

const response = (headers: HeaderMap): ResponseHeadersEvent => ({
  kind: "response-headers",
  correlationId: "id",
  status: 404,
  headers,
});

const headersOf = (headers: HeaderMap, form: InputForm): unknown =>
  (JSON.parse(encodeInput(request(headers), form)) as { headers: unknown }).headers;

test("a request has exactly the documented keys", () => {
  expect(encodeInput(request({ host: ["a.test"] }), PLAIN)).toBe(
    '{"method":"GET","uri":"/x?y=1","client_ip":"127.0.0.1","correlation_id":"id","headers":{"host":"a.test"}}',
  );
});

test("a response has exactly the documented keys", () => {
  expect(encodeInput(response({ server: ["x"] }), PLAIN)).toBe(
    '{"status":404,"correlation_id":"id","headers":{"server":"x"}}',
  );
});

describe("headers", () => {
  test("several values are joined, none is empty", () => {
    expect(headersOf({ accept: ["a", "b"], "x-empty": [] }, PLAIN)).toEqual({
      accept: "a, b",
      "x-empty": "",
    });
  });

  test("pseudo-headers are left out", () => {
    expect(headersOf({ ":method": ["GET"], ":path": ["/"], host: ["h"] }, PLAIN)).toEqual({ host: "h" });
  });

  test("names come as they were sent, or in their traditional spelling", () => {
    const sent = { "user-agent": ["x"], "X-XSS-protection": ["1"], dnt: ["0"], "sec-ch-ua": ["y"] };
    expect(headersOf(sent, PLAIN)).toEqual({
      "user-agent": "x",
      "X-XSS-protection": "1",
      dnt: "0",
      "sec-ch-ua": "y",
    });
    expect(headersOf(sent, CANONICAL)).toEqual({
      "User-Agent": "x",
      "X-Xss-Protection": "1",
      Dnt: "0",
      "Sec-Ch-Ua": "y",
    });
  });

  test.each([PLAIN, CANONICAL])("a header called __proto__ is a header like any other", (form) => {
    const sent = JSON.parse('{"__proto__":["mine"],"host":["h"]}') as HeaderMap;
    expect(encodeInput(request(sent), form)).toMatch(/"__proto__":"mine"/i);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe("a guest that asks for more", () => {
  test("gets the metadata of requests", () => {
    const input = JSON.parse(encodeInput(request({}), { ...PLAIN, abiFlags: AbiFlag.metadata })) as object;
    expect(input).toMatchObject({
      metadata: {
        request_id: "r",
        client_port: 50412,
        server_name: null,
        protocol: "HTTP/1.1",
        tls_version: null,
        tls_cipher: null,
        route_id: "api",
        upstream_id: null,
        timestamp: "2026-07-01T12:00:00+00:00",
        traceparent: "00-1",
      },
    });
    expect(input).not.toHaveProperty("multi_headers");
  });

  test("gets no metadata of responses, which have none", () => {
    expect(encodeInput(response({}), { ...PLAIN, abiFlags: AbiFlag.metadata })).not.toContain("metadata");
  });

  test("gets every header as a list beside the joined ones", () => {
    const form = { canonicalHeaderCase: true, abiFlags: AbiFlag.multiHeaders };
    expect(
      JSON.parse(encodeInput(response({ "set-cookie": ["a=1", "b=2"], ":status": ["200"] }), form)),
    ).toEqual({
      status: 404,
      correlation_id: "id",
      headers: { "Set-Cookie": "a=1, b=2" },
      multi_headers: { "Set-Cookie": ["a=1", "b=2"] },
    });
  });

  test("by bits that mean nothing yet gets nothing", () => {
    expect(encodeInput(request({}), { ...PLAIN, abiFlags: 0x7fff_fffc })).toBe(
      encodeInput(request({}), PLAIN),
    );
  });
});
