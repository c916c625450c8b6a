import { describe, expect, test } from "bun:test";
import { envoyInput } from "../../../src/abi/opa/input/envoy-input.ts";
import { apisixInput, daprInput, jsonInput } from "../../../src/abi/opa/input/other-inputs.ts";
import { BadRequest } from "../../../src/abi/opa/input/request-parts.ts";
import type { HeaderMap, RequestHeadersEvent } from "../../../src/event/event.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";

type Encoder = typeof envoyInput;

function encode(event: RequestHeadersEvent, body?: string | Uint8Array, encoder: Encoder = envoyInput) {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return JSON.parse(encoder(event, bytes === undefined ? null : { bytes, isTruncated: false }, null));
}

const withHeaders = (headers: HeaderMap) => sampleRequest({ headers: { host: ["a.test"], ...headers } });

describe("the input of Envoy's shape", () => {
  test("has what OPA's plug-in for Envoy shows of a request", () => {
    const event = sampleRequest({
      method: "POST",
      uri: "/a/b?x=1&x=2&y=",
      id: "id-1",
      headers: {
        host: ["shop.example"],
        accept: ["text/html", "text/plain"],
        "x-empty": [""],
      },
    });
    expect(encode(event)).toEqual({
      attributes: {
        source: { address: { socketAddress: { address: "203.0.113.9", portValue: 0 } } },
        request: {
          time: "2026-07-01T12:00:00+00:00",
          http: {
            id: "id-1",
            method: "POST",
            headers: {
              ":authority": "shop.example",
              ":method": "POST",
              ":path": "/a/b?x=1&x=2&y=",
              accept: "text/html,text/plain",
              "x-empty": "",
            },
            path: "/a/b?x=1&x=2&y=",
            host: "shop.example",
            protocol: "HTTP/1.1",
          },
        },
        metadataContext: {},
      },
      parsed_path: ["a", "b"],
      parsed_query: { x: ["1", "2"], y: [""] },
      parsed_body: null,
      truncated_body: false,
      version: { ext_authz: "v3", encoding: "protojson" },
    });
  });

  test("takes any text, names that objects have of themselves included", () => {
    const headers = {
      "x-name": ['quote " and \\ and \n and é☃😀'],
      ["__proto__"]: ["p"],
      constructor: ["c"],
    };
    Object.defineProperty(headers, "__proto__", { value: ["p"], enumerable: true });
    const text = envoyInput(sampleRequest({ uri: "/é?__proto__=1", headers }), null, null);
    expect(text).toContain(JSON.stringify(headers["x-name"][0]));
    expect(text).toContain('"__proto__":"p"');
    expect(text).toContain('"parsed_query":{"__proto__":["1"]}');
  });

  test("a large header and no header are inputs like others", () => {
    expect(
      encode(withHeaders({ big: ["x".repeat(1024 * 1024)] })).attributes.request.http.headers.big,
    ).toHaveLength(1024 * 1024);
    expect(encode(sampleRequest({ headers: {} })).attributes.request.http.headers).toEqual({
      ":authority": "",
      ":method": "GET",
      ":path": "/",
    });
  });

  test("addresses are bare, ports are numbers", () => {
    const event = sampleRequest();
    const metadata = { ...event.metadata, clientAddress: "[2001:db8::1]:50412", clientPort: 50412 };
    expect(encode({ ...event, metadata }).attributes.source.address.socketAddress).toEqual({
      address: "2001:db8::1",
      portValue: 50412,
    });
  });
});

describe("parsed_path", () => {
  test.each([
    ["/", [""]],
    ["//a", ["a"]],
    ["/a/", ["a", ""]],
    ["/a%2Fb", ["a", "b"]],
    ["/a//b", ["a", "", "b"]],
    ["/%C3%A9", ["é"]],
    ["/%ff", ["\uFFFD"]],
    ["/a?b=/c", ["a"]],
    ["*", ["*"]],
  ])("of %s is %j", (uri, expected) => expect(encode(sampleRequest({ uri })).parsed_path).toEqual(expected));

  test.each([["/%"], ["/%zz"], ["/a%2"]])("of %s does not exist: the request is bad", (uri) => {
    expect(() => envoyInput(sampleRequest({ uri }), null, null)).toThrow(BadRequest as never);
  });
});

describe("parsed_query", () => {
  test.each([
    ["/?a=1&a=2", { a: ["1", "2"] }],
    ["/?a+b=c+d", { "a b": ["c d"] }],
    ["/?flag", { flag: [""] }],
    ["/?a=%26", { a: ["&"] }],
    ["/?", {}],
    ["/?a=%zz&b=1", { b: ["1"] }],
    ["/?a;b=1&c=2", { c: ["2"] }],
  ])("of %s is %j", (uri, expected) => expect(encode(sampleRequest({ uri })).parsed_query).toEqual(expected));
});

describe("parsed_body", () => {
  const json = { "content-type": ["application/json; charset=utf-8"] };
  const multipart = { "content-type": ["multipart/form-data; boundary=xyz"] };
  const part = (name: string, value: string, more = "") =>
    `--xyz\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;

  test("JSON is read, with the body as text and its size beside it", () => {
    const input = encode(withHeaders(json), '{"a":[1,2.5,"é"]}');
    expect(input.parsed_body).toEqual({ a: [1, 2.5, "é"] });
    expect(input.attributes.request.http).toMatchObject({ body: '{"a":[1,2.5,"é"]}', size: 18 });
  });

  test("numbers of JSON keep all their digits", () => {
    const text = envoyInput(
      withHeaders(json),
      { bytes: Buffer.from('{"id":12345678901234567890}'), isTruncated: false },
      null,
    );
    expect(text).toContain('"parsed_body":{"id":12345678901234567890}');
  });

  test("half a surrogate pair in an escape becomes a replacement character", () => {
    expect(encode(withHeaders(json), String.raw`{"a":"\ud800"}`).parsed_body).toEqual({ a: "\uFFFD" });
  });

  test("forms are read", () => {
    const type = { "content-type": ["application/x-www-form-urlencoded"] };
    expect(encode(withHeaders(type), "a=1&a=2&b=c+d").parsed_body).toEqual({ a: ["1", "2"], b: ["c d"] });
  });

  test("fields of multipart forms are read, files are left out", () => {
    const body = `${part("a", "1")}${part("a", "2")}${part("f", "bytes", '; filename="x.bin"')}--xyz--\r\n`;
    expect(encode(withHeaders(multipart), body).parsed_body).toEqual({ a: ["1", "2"] });
  });

  test.each([
    ["another type", { "content-type": ["text/plain"] }, "hello"],
    ["no type", {}, "hello"],
    ["an empty body", json, ""],
  ])("%s gives null", (_, headers, body) => {
    expect(encode(withHeaders(headers as HeaderMap), body)).toMatchObject({
      parsed_body: null,
      truncated_body: false,
    });
  });

  test("a body that was cut gives null, and says so", () => {
    const bytes = Buffer.from('{"a":');
    const headers = { ...json, "content-length": ["100"] };
    const cases = [
      envoyInput(withHeaders(json), { bytes, isTruncated: true }, null),
      envoyInput(withHeaders(headers), { bytes, isTruncated: false }, null),
    ];
    for (const text of cases)
      expect(JSON.parse(text)).toMatchObject({ parsed_body: null, truncated_body: true });
  });

  test.each([
    ["JSON that is none", json, '{"a":'],
    ["text behind JSON, which a policy's parser would overlook", json, '{"a":1} {"b":2}'],
    ["a set, which is no JSON", json, "{1,2}"],
    ["more values than anybody needs", json, `[${"0,".repeat(70_000)}0]`],
    ["a form without its boundary", multipart, "--abc\r\n"],
    ["a form that ends too early", multipart, part("a", "1")],
    ["a form of too many parts", multipart, `${part("a", "").repeat(1001)}--xyz--`],
  ])("%s makes the request a bad one", (_, headers, body) => {
    expect(() =>
      envoyInput(withHeaders(headers), { bytes: Buffer.from(body), isTruncated: false }, null),
    ).toThrow(BadRequest as never);
  });
});

describe("a response", () => {
  test("stands beside the request", () => {
    const input = JSON.parse(envoyInput(sampleRequest(), null, sampleResponse({ status: 404 })));
    expect(input.attributes.response).toEqual({ status: 404, headers: { server: "nginx" } });
    expect(input.attributes.request.http.method).toBe("GET");
  });
});

describe("inputs of other shapes", () => {
  const event = sampleRequest({
    uri: "/a/b?x=1&x=2&y=3",
    headers: { host: ["shop.example:8080"], "x-api-key": ["k"] },
  });

  test("Dapr", () => {
    expect(encode(event, "text", daprInput)).toEqual({
      request: {
        method: "GET",
        path: "/a/b",
        path_parts: ["a", "b"],
        raw_query: "x=1&x=2&y=3",
        query: { x: ["1", "2"], y: ["3"] },
        headers: { Host: "shop.example:8080", "X-Api-Key": "k" },
        scheme: "http",
        body: "text",
      },
    });
  });

  test("APISIX", () => {
    expect(encode(event, undefined, apisixInput)).toEqual({
      type: "http",
      request: {
        scheme: "http",
        method: "GET",
        host: "shop.example",
        port: 8080,
        path: "/a/b",
        headers: { host: "shop.example:8080", "x-api-key": "k" },
        query: { x: ["1", "2"], y: "3" },
      },
      var: { remote_addr: "203.0.113.9", remote_port: "0", timestamp: 1782907200 },
    });
  });

  test("the JSON ABI's event, with the body parsed and the response's request", () => {
    const posted = withHeaders({ "content-type": ["application/json"] });
    expect(encode(posted, '{"a":1}', jsonInput)).toMatchObject({
      method: "GET",
      uri: "/",
      client_ip: "203.0.113.9",
      body: '{"a":1}',
      parsed_body: { a: 1 },
    });
    const input = JSON.parse(jsonInput(event, null, sampleResponse({ status: 404 })));
    expect(input).toMatchObject({ status: 404, request: { uri: "/a/b?x=1&x=2&y=3" } });
  });
});
