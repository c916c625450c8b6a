/** What becomes of a request after `handle_request` (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import type { EventFailure } from "../../../../src/event/failure.ts";
import { PLAIN_ALLOW } from "../../../../src/event/verdict.ts";
import {
  type OpenOptions,
  inShort,
  OpenHttpWasm,
  type RequestFacts,
} from "../../../support/http-wasm-exchange.ts";
import { type HttpWasmWat, httpWasmWat, NEXT, OWN_ANSWER, wat } from "../../../support/http-wasm-wat.ts";

const REQUEST = 0;
const RESPONSE = 1;
const POST: RequestFacts = { method: "POST", headers: { "content-length": ["5"] }, bodyFollows: true };

const open = (guest: HttpWasmWat, options: OpenOptions = {}) =>
  OpenHttpWasm.open(httpWasmWat(guest), options);

/** The verdict on the headers of one request. */
async function answerTo(
  guest: HttpWasmWat,
  facts: RequestFacts = {},
  options: OpenOptions = {},
): Promise<unknown> {
  return inShort(await (await open(guest, options)).exchange().request(facts));
}

describe("a request goes on", () => {
  test.each([1, 7, 0x8000_0000, 0xffff_ffff])("for the low half %d", async (low) => {
    expect(await answerTo({ request: `(i64.const ${low})` })).toBe("allow");
  });

  test("as it is: that verdict is the plain one, which costs nothing", async () => {
    expect(await (await open({})).exchange().request()).toBe(PLAIN_ALLOW);
  });

  test("with the header changes, in the order in which they were made", async () => {
    const guest: HttpWasmWat = {
      imports: ["set_header_value", "add_header_value", "remove_header"],
      texts: { name: "X-A", one: "1", two: "2", gone: "cookie" },
      request: `${wat.setHeader(REQUEST, "name", "one")}
        (call $remove_header (i32.const 0) (text gone))
        ${wat.addHeader(REQUEST, "name", "two")}
        ${wat.addHeader(RESPONSE, "name", "two")}
        ${NEXT}`,
    };
    expect(await answerTo(guest)).toEqual({
      request: ["set X-A: 1", "remove cookie", "add X-A: 2"],
      response: ["add X-A: 2"],
    });
  });

  test("with response headers that are added to the upstream's: two cookies stay two", async () => {
    const guest: HttpWasmWat = {
      imports: ["add_header_value"],
      texts: { name: "set-cookie", a: "a=1", b: "b=2" },
      request: `${wat.addHeader(RESPONSE, "name", "a")}${wat.addHeader(RESPONSE, "name", "b")}${NEXT}`,
    };
    expect(await answerTo(guest)).toEqual({ response: ["add set-cookie: a=1", "add set-cookie: b=2"] });
  });

  test.each([true, false])("with limits or without (%p)", async (limits) => {
    const guest: HttpWasmWat = {
      request: "(i64.const 0x0000002a00000001)",
      response: "(if (i32.ne (local.get $context) (i32.const 42)) (then unreachable))",
    };
    const exchange = (await open(guest, { limits })).exchange();
    expect(inShort(await exchange.request())).toBe("allow");
    expect(inShort(await exchange.response())).toBe("allow");
  });
});

describe("a guest answers a request itself", () => {
  test("with status 200, no headers and no body if it says nothing", async () => {
    expect(await answerTo({ request: OWN_ANSWER })).toEqual({ block: { status: 200, body: "" } });
  });

  test("for a low half of 0, whatever the high half is", async () => {
    expect(await answerTo({ request: "(i64.const 0x0000002a00000000)" })).toEqual({
      block: { status: 200, body: "" },
    });
  });

  test("with its status, headers and body", async () => {
    const guest: HttpWasmWat = {
      imports: ["set_status_code", "set_header_value", "add_header_value", "write_body"],
      texts: {
        type: "Content-Type",
        plain: "text/plain",
        vary: "vary",
        a: "a",
        b: "b",
        hello: "hello ",
        world: "wörld",
      },
      request: `${wat.status(418)}${wat.setHeader(RESPONSE, "type", "plain")}
        ${wat.addHeader(RESPONSE, "vary", "a")}${wat.addHeader(RESPONSE, "vary", "b")}
        ${wat.write(RESPONSE, "hello")}${wat.write(RESPONSE, "world")}${OWN_ANSWER}`,
    };
    expect(await answerTo(guest)).toEqual({
      block: { status: 418, body: "hello wörld" },
      response: ["set Content-Type: text/plain", "add vary: a", "add vary: b"],
    });
  });

  test("without headers that are the proxy's business", async () => {
    const guest: HttpWasmWat = {
      imports: ["set_header_value", "write_body"],
      texts: { length: "content-length", five: "5", connection: "Connection", close: "close", body: "hello" },
      request: `${wat.setHeader(RESPONSE, "length", "five")}${wat.setHeader(RESPONSE, "connection", "close")}
        ${wat.write(RESPONSE, "body")}${OWN_ANSWER}`,
    };
    expect(await answerTo(guest)).toEqual({ block: { status: 200, body: "hello" } });
  });

  test.each([301, 302, 303, 307, 308])("with a redirect (%d)", async (status) => {
    const guest: HttpWasmWat = {
      imports: ["set_status_code", "set_header_value"],
      texts: { location: "Location", target: "/login" },
      request: `${wat.status(status)}${wat.setHeader(RESPONSE, "location", "target")}${OWN_ANSWER}`,
    };
    expect(await answerTo(guest)).toEqual({ redirect: { status, location: "/login" } });
  });

  test("with a redirect that carries more than its target, as a block that has it all", async () => {
    const guest: HttpWasmWat = {
      imports: ["set_status_code", "set_header_value"],
      texts: { location: "location", target: "/login", cookie: "set-cookie", a: "a=1" },
      request: `${wat.status(302)}${wat.setHeader(RESPONSE, "location", "target")}
        ${wat.setHeader(RESPONSE, "cookie", "a")}${OWN_ANSWER}`,
    };
    expect(await answerTo(guest)).toEqual({
      block: { status: 302, body: "" },
      response: ["set location: /login", "set set-cookie: a=1"],
    });
  });

  test.each([0, 100, 199, 600, 4_000_000_000])("not with the status %d", async (status) => {
    const opened = await open({
      imports: ["set_status_code"],
      request: `${wat.status(status | 0)}${OWN_ANSWER}`,
    });
    expect(inShort(await opened.exchange().request())).toBe("guest-status-range");
    expect(opened.guest.isBroken).toBe(false);
  });

  test("and handle_response is not called", async () => {
    const exchange = (await open({ request: OWN_ANSWER, response: "unreachable" })).exchange();
    await exchange.request();
    expect(inShort(await exchange.response())).toBe("allow");
    exchange.end();
    expect(exchange.context.isDone).toBe(true);
  });
});

describe("what no answer can carry", () => {
  const uri: HttpWasmWat = {
    imports: ["set_uri"],
    texts: { other: "/other" },
    request: `(call $set_uri (text other))${NEXT}`,
  };
  const method: HttpWasmWat = {
    imports: ["set_method"],
    texts: { put: "PUT" },
    request: `(call $set_method (text put))${NEXT}`,
  };
  const cookies: HttpWasmWat = {
    imports: ["add_header_value"],
    texts: { name: "set-cookie", a: "a=1", b: "b=2" },
    request: `${wat.addHeader(RESPONSE, "name", "a")}${wat.addHeader(RESPONSE, "name", "b")}${OWN_ANSWER}`,
  };
  const binary: HttpWasmWat = {
    imports: ["write_body"],
    more: '(data (i32.const 256) "\\ff\\fe")',
    request: `(call $write_body (i32.const 1) (i32.const 256) (i32.const 2))${OWN_ANSWER}`,
  };
  const status: HttpWasmWat = { imports: ["set_status_code"], request: `${wat.status(201)}${NEXT}` };
  const requestBody: HttpWasmWat = {
    imports: ["write_body"],
    texts: { body: "body" },
    request: `${wat.write(REQUEST, "body")}${NEXT}`,
  };

  test.each([
    ["another URI", uri, { routing: { method: "GET", uri: "/other" } }],
    ["another method", method, { routing: { method: "PUT", uri: "/" } }],
    [
      "several cookies in an answer",
      cookies,
      { block: { status: 200, body: "" }, response: ["set set-cookie: a=1"] },
    ],
    ["an answer that is no text", binary, { block: { status: 200, body: "" } }],
    ["a status before the upstream's", status, "allow"],
    ["a body for a request that has none", requestBody, "allow"],
  ])("%s fails the event, or is left out if the operator says so", async (_what, guest, leftOut) => {
    const failing = await open(guest);
    const failure = await failing.exchange().request();
    expect(inShort(failure)).toBe("guest-not-carried");
    expect((failure as EventFailure).message).toContain("--on-unsupported warn");
    expect(failing.guest.isBroken).toBe(false);

    const warning = await open(guest, { onUnsupported: "warn" });
    expect(inShort(await warning.exchange().request())).toEqual(leftOut);
    expect(inShort(await warning.exchange().request())).toEqual(leftOut);
    expect(warning.log.messages("warn")).toHaveLength(1);
  });

  test("a URI and method that were set to what they were pass", async () => {
    const guest: HttpWasmWat = {
      imports: ["set_uri", "set_method"],
      texts: { same: "/x?y=1", get: "GET" },
      request: `(call $set_uri (text same))(call $set_method (text get))${NEXT}`,
    };
    expect(await answerTo(guest, { uri: "/x?y=1" })).toBe("allow");
  });

  test("a URI that was changed does not matter when the guest answers itself", async () => {
    expect(await answerTo({ ...uri, request: `(call $set_uri (text other))${OWN_ANSWER}` })).toEqual({
      block: { status: 200, body: "" },
    });
  });

  test("a header that HTTP cannot carry fails the event with a code of its own", async () => {
    const opened = await open({
      imports: ["set_header_value"],
      texts: { bad: "x y", value: "1" },
      request: `${wat.setHeader(REQUEST, "bad", "value")}${NEXT}`,
    });
    const exchange = opened.exchange();
    expect(inShort(await exchange.request())).toBe("guest-header-name");
    expect(opened.guest.isBroken).toBe(false);
    // It has failed one event, and the request may have gone on.
    expect(inShort(await exchange.response())).toBe("allow");
  });
});

describe("a request body", () => {
  const logging: HttpWasmWat = {
    imports: ["enable_features", "read_body", "log"],
    more: `(func (export "_start") ${wat.enable(1)})`,
    request: `${wat.logBody(REQUEST)}${NEXT}`,
  };

  test("that follows suspends the guest, which goes on with the body", async () => {
    const opened = await open(logging);
    const exchange = opened.exchange();
    expect(inShort(await exchange.request(POST))).toBe("allow");
    expect(opened.lines).toEqual([]);
    expect(inShort(await exchange.requestBody("hello"))).toBe("allow");
    expect(opened.lines).toEqual(["hello"]);
    expect(inShort(await exchange.response())).toBe("allow");
    expect(exchange.context.isDone).toBe(true);
  });

  test("is waited for in pieces", async () => {
    const opened = await open(logging);
    const exchange = opened.exchange();
    await exchange.request(POST);
    for (const [index, piece] of ["he", "ll", "o"].entries()) {
      expect(
        inShort(
          await exchange.requestBody(piece, { isStreamed: true, isLast: piece === "o", chunkIndex: index }),
        ),
      ).toBe("allow");
    }
    expect(opened.lines).toEqual(["hello"]);
  });

  test("is read as it comes by a guest with a small buffer", async () => {
    const opened = await open({
      imports: ["read_body", "log"],
      request: `(local $result i64)
        (loop $more
          (local.set $result (call $read_body (i32.const 0) (i32.const 4096) (i32.const 4)))
          (call $log (i32.const 0) (i32.const 4096) (i32.wrap_i64 (local.get $result)))
          (br_if $more (i64.lt_u (local.get $result) (i64.const 0x100000000))))
        ${NEXT}`,
    });
    const exchange = opened.exchange();
    await exchange.request(POST);
    await exchange.requestBody("abc", { isStreamed: true, isLast: false });
    expect(opened.lines).toEqual([]);
    await exchange.requestBody("defghi", { isStreamed: true, isLast: false, chunkIndex: 1 });
    expect(opened.lines).toEqual(["abcd", "efgh"]);
    await exchange.requestBody("", { isStreamed: true, isLast: true, chunkIndex: 2 });
    expect(opened.lines).toEqual(["abcd", "efgh", "i"]);
  });

  test("that nobody expects is empty, and the guest is not suspended", async () => {
    const opened = await open(logging);
    const exchange = opened.exchange();
    expect(inShort(await exchange.request({ ...POST, bodyFollows: false }))).toBe("allow");
    expect(opened.lines).toEqual([""]);
  });

  test("that comes after the guest was told that there is none does not pass unseen", async () => {
    const exchange = (await open(logging)).exchange();
    await exchange.request({ ...POST, bodyFollows: false });
    const failure = await exchange.requestBody("hello");
    expect(inShort(failure)).toBe("guest-body-missed");
    expect((failure as EventFailure).message).toContain("--events");
  });

  test("passes a guest that never asked for it", async () => {
    const exchange = (await open({ imports: ["read_body"] })).exchange();
    await exchange.request({ ...POST, bodyFollows: false });
    expect(inShort(await exchange.requestBody("hello"))).toBe("allow");
  });

  test("may be read by a guest that asks for the feature in its handler, or not at all", async () => {
    for (const enable of ["", wat.enable(1)]) {
      const opened = await open({
        imports: ["enable_features", "read_body", "log"],
        request: `${enable}${wat.logBody(REQUEST)}${NEXT}`,
      });
      const exchange = opened.exchange();
      await exchange.request(POST);
      await exchange.requestBody("hello");
      expect(opened.lines).toEqual(["hello"]);
    }
  });

  test("leads to a block by a guest that has seen it", async () => {
    const exchange = (
      await open({
        imports: ["read_body", "set_status_code"],
        request: `(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 100)))${wat.status(403)}${OWN_ANSWER}`,
      })
    ).exchange();
    expect(inShort(await exchange.request(POST))).toBe("allow");
    expect(inShort(await exchange.requestBody("hello"))).toEqual({ block: { status: 403, body: "" } });
    expect(exchange.context.isDone).toBe(true);
  });

  test("does not hold back what the guest changed before it reads", async () => {
    const exchange = (
      await open({
        imports: ["read_body", "set_header_value"],
        texts: { before: "x-before", after: "x-after", v: "1" },
        request: `${wat.setHeader(REQUEST, "before", "v")}${wat.setHeader(RESPONSE, "before", "v")}
          (drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 100)))
          ${wat.setHeader(REQUEST, "after", "v")}${wat.setHeader(RESPONSE, "after", "v")}${NEXT}`,
      })
    ).exchange();
    expect(inShort(await exchange.request(POST))).toEqual({
      request: ["set x-before: 1"],
      response: ["set x-before: 1"],
    });
    // A buffered body may have been inspected before the upstream has got anything.
    expect(inShort(await exchange.requestBody("hello"))).toEqual({
      request: ["set x-after: 1"],
      response: ["set x-after: 1"],
    });
  });

  test("that is streamed comes too late for request headers", async () => {
    const guest: HttpWasmWat = {
      imports: ["read_body", "set_header_value"],
      texts: { after: "x-after", v: "1" },
      request: `(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 100)))
        ${wat.setHeader(REQUEST, "after", "v")}${NEXT}`,
    };
    const exchange = (await open(guest)).exchange();
    await exchange.request(POST);
    expect(inShort(await exchange.requestBody("hello", { isStreamed: true }))).toBe("guest-not-carried");
  });

  test("of which the proxy leaves out a part is not taken for the whole", async () => {
    const cut = { isTruncated: true } as const;
    const failing = (await open(logging)).exchange();
    await failing.request(POST);
    expect(inShort(await failing.requestBody("hel", cut))).toBe("guest-not-carried");
    const warning = (await open(logging, { onUnsupported: "warn" })).exchange();
    await warning.request(POST);
    expect(inShort(await warning.requestBody("hel", cut))).toBe("allow");
  });

  test("that the client never sends ends with the exchange: the guest is called to its end", async () => {
    const opened = await open({
      ...logging,
      imports: ["enable_features", "read_body", "log"],
      texts: { end: "end" },
      response: wat.log("end"),
    });
    const exchange = opened.exchange();
    await exchange.request(POST);
    exchange.end();
    const next = opened.exchange();
    expect(inShort(await next.request())).toBe("allow");
    expect(opened.lines).toEqual(["", "end", ""]);
    expect(opened.guest.isBroken).toBe(false);
  });

  test("that is not there when the upstream answers is ended, and what comes of it later does not pass", async () => {
    const opened = await open(logging);
    const exchange = opened.exchange();
    await exchange.request(POST);
    await exchange.requestBody("he", { isStreamed: true, isLast: false });
    expect(inShort(await exchange.response())).toBe("allow");
    expect(opened.lines).toEqual(["he"]);
    expect(inShort(await exchange.requestBody("llo", { isStreamed: true, chunkIndex: 1 }))).toBe(
      "guest-body-missed",
    );
  });

  test("that is not there when the upstream answers cannot turn a refusal away", async () => {
    const exchange = (
      await open({
        imports: ["read_body", "set_status_code"],
        request: `(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 100)))${wat.status(403)}${OWN_ANSWER}`,
        response: "unreachable",
      })
    ).exchange();
    await exchange.request(POST);
    expect(inShort(await exchange.response())).toEqual({ block: { status: 403, body: "" } });
  });
});

describe("a request body is replaced", () => {
  const appending: HttpWasmWat = {
    imports: ["read_body", "write_body"],
    texts: { more: " and more" },
    request: `${wat.append(REQUEST, "more")}${NEXT}`,
  };
  const streamed = (isLast: boolean, chunkIndex: number) => ({ isStreamed: true, isLast, chunkIndex });

  test("where it is streamed", async () => {
    const exchange = (await open(appending)).exchange();
    await exchange.request(POST);
    expect(inShort(await exchange.requestBody("hello", streamed(true, 0)))).toEqual({
      body: "hello and more",
    });
  });

  test("in pieces that are held until the guest has decided", async () => {
    const exchange = (await open(appending)).exchange();
    await exchange.request(POST);
    expect(inShort(await exchange.requestBody("hel", streamed(false, 0)))).toEqual({ body: "" });
    expect(inShort(await exchange.requestBody("lo", streamed(false, 1)))).toEqual({ body: "" });
    expect(inShort(await exchange.requestBody("", streamed(true, 2)))).toEqual({ body: "hello and more" });
  });

  test("again when the proxy sends it again", async () => {
    const exchange = (await open(appending)).exchange();
    await exchange.request(POST);
    await exchange.requestBody("hello", streamed(true, 0));
    expect(inShort(await exchange.requestBody("hello", streamed(true, 1)))).toEqual({
      body: "hello and more",
    });
  });

  test("not by what it was: then the held pieces go out as they came", async () => {
    const guest: HttpWasmWat = {
      imports: ["read_body", "write_body"],
      request: `(call $write_body (i32.const 0) (i32.const 4096)
        (i32.wrap_i64 (call $read_body (i32.const 0) (i32.const 4096) (i32.const 65536))))${NEXT}`,
    };
    const whole = (await open(guest)).exchange();
    await whole.request(POST);
    expect(inShort(await whole.requestBody("hello"))).toBe("allow");
    const pieces = (await open(guest)).exchange();
    await pieces.request(POST);
    expect(inShort(await pieces.requestBody("hel", streamed(false, 0)))).toEqual({ body: "" });
    expect(inShort(await pieces.requestBody("lo", streamed(true, 1)))).toEqual({ body: "hello" });
  });

  test("without having been read: the first piece makes place for all, the others are dropped", async () => {
    const exchange = (
      await open({
        imports: ["write_body"],
        texts: { other: "other" },
        request: `${wat.write(REQUEST, "other")}${NEXT}`,
      })
    ).exchange();
    expect(inShort(await exchange.request(POST))).toBe("allow");
    expect(inShort(await exchange.requestBody("hel", streamed(false, 0)))).toEqual({ body: "other" });
    expect(inShort(await exchange.requestBody("lo", streamed(true, 1)))).toEqual({ body: "" });
  });

  test("not where it is buffered", async () => {
    const failing = (await open(appending)).exchange();
    await failing.request(POST);
    expect(inShort(await failing.requestBody("hello"))).toBe("guest-not-carried");
    const warning = (await open(appending, { onUnsupported: "warn" })).exchange();
    await warning.request(POST);
    expect(inShort(await warning.requestBody("hello"))).toBe("allow");
  });

  test("not where it is no text: it is forwarded as it comes, and the guest sees it all", async () => {
    const binary = Uint8Array.of(0xff, 0xfe);
    const reading = await open({
      imports: ["read_body", "write_body", "log"],
      request: `${wat.logBody(REQUEST)}${NEXT}`,
    });
    const exchange = reading.exchange();
    await exchange.request(POST);
    expect(inShort(await exchange.requestBody(binary, streamed(false, 0)))).toBe("allow");
    expect(inShort(await exchange.requestBody("!", streamed(true, 1)))).toBe("allow");
    expect(reading.lines).toEqual(["\uFFFD\uFFFD!"]);
    const writing = (await open(appending)).exchange();
    await writing.request(POST);
    await writing.requestBody(binary, streamed(false, 0));
    expect(inShort(await writing.requestBody("!", streamed(true, 1)))).toBe("guest-not-carried");
  });

  test("pieces are not held for a guest that cannot write bodies", async () => {
    const exchange = (
      await open({
        imports: ["read_body"],
        request: `(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 100)))${NEXT}`,
      })
    ).exchange();
    await exchange.request(POST);
    expect(inShort(await exchange.requestBody("hel", streamed(false, 0)))).toBe("allow");
  });
});

describe("where instances serve several exchanges at a time", () => {
  const shared = { shareInstances: true } as const;

  test("handle_request runs when the body is there, if the guest asked for it at its start", async () => {
    const opened = await open(
      {
        imports: ["enable_features", "read_body", "log", "set_header_value"],
        texts: { x: "x", v: "1" },
        more: `(func (export "_start") ${wat.enable(1)})`,
        request: `${wat.logBody(REQUEST)}${wat.setHeader(REQUEST, "x", "v")}${NEXT}`,
      },
      shared,
    );
    expect(opened.factory.sharesInstance).toBe(true);
    const [first, second] = [opened.exchange(), opened.exchange()];
    expect(inShort(await first.request(POST))).toBe("allow");
    expect(inShort(await second.request(POST))).toBe("allow");
    expect(opened.lines).toEqual([]);
    expect(inShort(await second.requestBody("two"))).toEqual({ request: ["set x: 1"] });
    expect(inShort(await first.requestBody("one"))).toEqual({ request: ["set x: 1"] });
    expect(opened.lines).toEqual(["two", "one"]);
  });

  test("handle_request runs at the headers where no body follows", async () => {
    const opened = await open(
      {
        imports: ["enable_features", "read_body", "log"],
        more: `(func (export "_start") ${wat.enable(1)})`,
        request: `${wat.logBody(REQUEST)}${NEXT}`,
      },
      shared,
    );
    await opened.exchange().request();
    expect(opened.lines).toEqual([""]);
  });
});
