/** The reader of requests: what it takes, what it refuses, and that no bytes can make it do anything else. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  isHeadError,
  MAX_HEAD_BYTES,
  readHead,
  type RequestHead,
} from "../../../../src/telemetry/admin/http-head.ts";

function read(text: string) {
  return readHead(Buffer.from(text, "latin1"));
}

function taken(text: string): RequestHead {
  const head = read(text);
  if (head === null || isHeadError(head)) throw new Error(`not taken: ${JSON.stringify(head)}`);
  return head;
}

const GET = "GET /metrics HTTP/1.1\r\n";

describe("a request", () => {
  test("has a method, a path, a query and headers with names in lower case", () => {
    const head = taken("POST /a%20b?x=1&y=a%26b HTTP/1.1\r\nHost: h\r\nX-One:  two \r\nx-one: three\r\n\r\n");
    expect([head.method, head.path, head.query.get("x"), head.query.get("y")]).toEqual([
      "POST",
      "/a%20b",
      "1",
      "a&b",
    ]);
    expect([...head.headers]).toEqual([
      ["host", "h"],
      ["x-one", "two, three"],
    ]);
  });

  test("of HTTP/1.0 needs no Host", () => {
    expect(taken("GET / HTTP/1.0\r\n\r\n").path).toBe("/");
  });

  test("may announce a body of no bytes", () => {
    expect(taken(`${GET}Host: h\r\nContent-Length: 0\r\n\r\n`).path).toBe("/metrics");
  });

  test("is not looked at beyond its head", () => {
    expect(taken(`${GET}Host: h\r\n\r\nGET /other HTTP/1.1\r\n\r\n`).path).toBe("/metrics");
  });

  test("is waited for until its empty line", () => {
    const whole = `${GET}Host: h\r\n\r\n`;
    for (let length = 0; length < whole.length; length++) expect(read(whole.slice(0, length))).toBeNull();
  });
});

describe("is refused", () => {
  test.each([
    ["no path", "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["the form of a proxy", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["no version", "GET /\r\nHost: h\r\n\r\n", 400],
    ["a method in lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["an empty first line", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["HTTP/2", "PRI / HTTP/2.0\r\n\r\n", 505],
    ["no Host", `${GET}\r\n`, 400],
    ["two Hosts", `${GET}Host: a\r\nHost: b\r\n\r\n`, 400],
    ["a header without a colon", `${GET}Host: h\r\nnothing\r\n\r\n`, 400],
    ["a header without a name", `${GET}Host: h\r\n: x\r\n\r\n`, 400],
    ["a space before the colon", `${GET}Host : h\r\n\r\n`, 400],
    ["a continued header", `${GET}Host: h\r\nx: a\r\n b\r\n\r\n`, 400],
    ["a NUL in a value", `${GET}Host: h\r\nx: a\0b\r\n\r\n`, 400],
    ["a bare line feed", `${GET}Host: h\nx: y\r\n\r\n`, 400],
    ["a bare carriage return", `${GET}Host: h\rx: y\r\n\r\n`, 400],
    ["a body", `${GET}Host: h\r\nContent-Length: 1\r\n\r\nx`, 413],
    ["a length that is none", `${GET}Host: h\r\nContent-Length: 0x0\r\n\r\n`, 413],
    ["two lengths", `${GET}Host: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n`, 400],
    ["a body in chunks", `${GET}Host: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 413],
    ["a long head", `${GET}Host: h\r\nx: ${"y".repeat(MAX_HEAD_BYTES)}\r\n\r\n`, 431],
    ["a long head without an end", "G".repeat(MAX_HEAD_BYTES), 431],
    ["many headers", `${GET}Host: h\r\n${"x: y\r\n".repeat(64)}\r\n`, 431],
  ])("a request with %s", (_what, text, status) => {
    expect(read(text)).toMatchObject({ status });
  });
});

describe("whatever bytes come", () => {
  test("they are waited for, refused or taken, and what is taken obeys the rules", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "GET ",
        "POST ",
        "/",
        "/x?y ",
        " HTTP/1.1",
        "\r\n",
        "\n",
        "Host: h",
        ":",
        "\0",
        "\t",
        " ",
      ),
      fc.string({ maxLength: 8, unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(""), "latin1");
        const head = readHead(bytes);
        if (head === null || isHeadError(head)) return;
        expect(head.path).toStartWith("/");
        expect(head.method).toMatch(/^[A-Z]+$/);
        for (const [name, value] of head.headers) {
          expect(name).toMatch(/^[!-~]+$/);
          expect(value).not.toMatch(/[\0-\x08\n-\x1f\x7f]/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("a good request in pieces is the same request", () => {
    const whole = Buffer.from(`${GET}Host: h\r\nAccept: a, b\r\n\r\n`);
    fc.assert(
      fc.property(fc.nat(whole.length), (at) => {
        const first = readHead(whole.subarray(0, at));
        expect(first === null || at === whole.length).toBe(true);
      }),
    );
  });
});
