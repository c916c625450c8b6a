/** When `handle_response` runs, and what becomes of the response (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import {
  type HttpWasmExchange,
  type OpenOptions,
  inShort,
  OpenHttpWasm,
  type ResponseFacts,
} from "../../../support/http-wasm-exchange.ts";
import { type HttpWasmWat, httpWasmWat, NEXT, wat } from "../../../support/http-wasm-wat.ts";

const RESPONSE = 1;
const START = (features: number) => `(func (export "_start") ${wat.enable(features)})`;
const BUFFERING = START(2);
const FOLLOWS: ResponseFacts = { bodyFollows: true };

async function begin(
  guest: HttpWasmWat,
  options: OpenOptions = {},
): Promise<{ opened: OpenHttpWasm; exchange: HttpWasmExchange }> {
  const opened = await OpenHttpWasm.open(httpWasmWat(guest), options);
  const exchange = opened.exchange();
  await exchange.request();
  return { opened, exchange };
}

/** Counts its calls in the log: `response` or `error`. */
const COUNTING: HttpWasmWat = {
  imports: ["log"],
  texts: { response: "response", error: "error" },
  response: `(if (local.get $is_error) (then ${wat.log("error")}) (else ${wat.log("response")}))`,
};

describe("handle_response is called once", () => {
  test("with the response headers", async () => {
    const { opened, exchange } = await begin(COUNTING);
    expect(opened.lines).toEqual([]);
    expect(exchange.context.isDone).toBe(false);
    expect(inShort(await exchange.response())).toBe("allow");
    expect(opened.lines).toEqual(["response"]);
    expect(exchange.context.isDone).toBe(true);
    await exchange.response();
    exchange.end();
    expect(opened.lines).toEqual(["response"]);
  });

  test("with an error when the response never comes", async () => {
    const { opened, exchange } = await begin(COUNTING);
    exchange.end();
    expect(opened.lines).toEqual(["error"]);
    expect(opened.brokenCalls).toBe(0);
  });

  test("not for a request that was never handed over", async () => {
    const opened = await OpenHttpWasm.open(httpWasmWat(COUNTING));
    const exchange = opened.exchange();
    exchange.end();
    expect(inShort(await exchange.response())).toBe("allow");
    expect(opened.lines).toEqual([]);
  });

  test("not after a trap in handle_request", async () => {
    const { opened, exchange } = await begin({ ...COUNTING, request: "unreachable" });
    expect(opened.guest.isBroken).toBe(true);
    expect(inShort(await exchange.response())).toBe("allow");
    expect(opened.lines).toEqual([]);
  });

  test("with the response body where the proxy sends no response headers", async () => {
    const { opened, exchange } = await begin({
      ...COUNTING,
      imports: ["log", "enable_features", "read_body"],
    });
    expect(inShort(await exchange.responseBody("hello"))).toBe("allow");
    expect(opened.lines).toEqual(["response"]);
  });

  test("also when an event failed for what it asked for", async () => {
    const { opened, exchange } = await begin({
      ...COUNTING,
      imports: ["log", "set_uri"],
      texts: { ...COUNTING.texts, other: "/other" },
      request: `(call $set_uri (text other))${NEXT}`,
    });
    exchange.end();
    expect(opened.lines).toEqual(["error"]);
  });
});

describe("handle_response gets", () => {
  test.each([
    ["0", 0],
    ["1", 1],
    ["2^31", 0x8000_0000],
    ["2^32 - 1", 0xffff_ffff],
  ])("the number %s that handle_request gave", async (_what, context) => {
    const high = BigInt(context) << 32n;
    for (const limits of [true, false]) {
      const { exchange } = await begin(
        {
          request: `(i64.const ${high | 1n})`,
          response: `(if (i32.ne (local.get $context) (i32.const ${context | 0})) (then unreachable))`,
        },
        { limits },
      );
      expect(inShort(await exchange.response())).toBe("allow");
    }
  });

  test("the upstream's status and headers, and the request as it was changed", async () => {
    const { opened, exchange } = await begin({
      imports: ["get_status_code", "get_header_values", "set_header_value", "log"],
      texts: { server: "Server", mine: "x-mine", v: "changed" },
      request: `${wat.setHeader(0, "mine", "v")}${NEXT}`,
      response: `
        (if (i32.ne (call $get_status_code) (i32.const 404)) (then unreachable))
        (call $log (i32.const 0) (i32.const 4096) (i32.sub (i32.wrap_i64
          (call $get_header_values (i32.const 1) (text server) (i32.const 4096) (i32.const 100))) (i32.const 1)))
        (call $log (i32.const 0) (i32.const 4096) (i32.sub (i32.wrap_i64
          (call $get_header_values (i32.const 0) (text mine) (i32.const 4096) (i32.const 100))) (i32.const 1)))`,
    });
    await exchange.response({ status: 404, headers: { server: ["nginx"] } });
    expect(opened.lines).toEqual(["nginx", "changed"]);
  });
});

describe("with buffer_response, handle_response changes", () => {
  const changing = (response: string, more: Partial<HttpWasmWat> = {}): HttpWasmWat => ({
    imports: ["enable_features", "read_body", "write_body", "set_header_value", "set_status_code"],
    texts: { name: "x-a", v: "1", body: "changed" },
    more: BUFFERING,
    ...more,
    response,
  });

  test("headers, at the response headers", async () => {
    const { exchange } = await begin(changing(wat.setHeader(RESPONSE, "name", "v")));
    expect(inShort(await exchange.response(FOLLOWS))).toEqual({ response: ["set x-a: 1"] });
    expect(exchange.context.isDone).toBe(true);
    expect(inShort(await exchange.responseBody("hello"))).toBe("allow");
  });

  test("the body, when its event comes", async () => {
    const { exchange } = await begin(changing(wat.write(RESPONSE, "body")));
    expect(inShort(await exchange.response(FOLLOWS))).toBe("allow");
    expect(exchange.context.isDone).toBe(false);
    expect(inShort(await exchange.responseBody("hello"))).toEqual({ body: "changed" });
    expect(exchange.context.isDone).toBe(true);
  });

  test("the body that it has read: it is suspended until the body is there", async () => {
    const { exchange } = await begin(
      changing(`${wat.setHeader(RESPONSE, "name", "v")}${wat.append(RESPONSE, "body")}`),
    );
    expect(inShort(await exchange.response(FOLLOWS))).toEqual({ response: ["set x-a: 1"] });
    expect(inShort(await exchange.responseBody("hello "))).toEqual({ body: "hello changed" });
  });

  test("nothing where it writes what it has read", async () => {
    const { exchange } = await begin(
      changing(`(call $write_body (i32.const 1) (i32.const 4096)
        (i32.wrap_i64 (call $read_body (i32.const 1) (i32.const 4096) (i32.const 65536))))`),
    );
    await exchange.response(FOLLOWS);
    expect(inShort(await exchange.responseBody("hello"))).toBe("allow");
  });

  test("the body of a response for which no body event comes, by a whole response", async () => {
    const { exchange } = await begin(
      changing(`${wat.setHeader(RESPONSE, "name", "v")}${wat.write(RESPONSE, "body")}`),
    );
    const headers = { server: ["nginx"], "content-length": ["5"], vary: ["a", "b"], connection: ["close"] };
    expect(inShort(await exchange.response({ headers }))).toEqual({
      block: { status: 200, body: "changed" },
      response: ["set server: nginx", "set vary: a, b", "set x-a: 1"],
    });
  });

  test.each([
    ["to HEAD", { method: "HEAD" }, {}],
    ["204", {}, { status: 204 }],
    ["304", {}, { status: 304 }],
    ["101", {}, { status: 101 }],
  ])("nothing of a body that cannot be there (%s)", async (_what, request, response) => {
    const opened = await OpenHttpWasm.open(httpWasmWat(changing(wat.write(RESPONSE, "body"))));
    const exchange = opened.exchange();
    await exchange.request(request);
    expect(inShort(await exchange.response(response))).toBe("allow");
  });

  test("the status, by a whole response with the upstream's headers", async () => {
    const { exchange } = await begin(changing(wat.status(403)));
    expect(inShort(await exchange.response(FOLLOWS))).toEqual({
      block: { status: 403, body: "" },
      response: ["set server: nginx"],
    });
  });

  test("the status after the body was read, and the body stays if it is text", async () => {
    const reading = "(drop (call $read_body (i32.const 1) (i32.const 4096) (i32.const 65536)))";
    for (const [body, kept] of [
      ["hello", "hello"],
      [Uint8Array.of(0xff), ""],
    ] as const) {
      const { exchange } = await begin(changing(`${reading}${wat.status(403)}`));
      await exchange.response(FOLLOWS);
      expect(inShort(await exchange.responseBody(body))).toMatchObject({
        block: { status: 403, body: kept },
      });
    }
  });

  test("the body to nothing, by a whole response without one", async () => {
    for (const response of [FOLLOWS, {}]) {
      const { exchange } = await begin(changing(wat.empty(RESPONSE)));
      const first = inShort(await exchange.response(response));
      const outcome = response === FOLLOWS ? inShort(await exchange.responseBody("hello")) : first;
      expect(outcome).toMatchObject({ block: { status: 200, body: "" } });
    }
  });

  test("no status that HTTP does not know", async () => {
    const { opened, exchange } = await begin(changing(wat.status(99)));
    expect(inShort(await exchange.response(FOLLOWS))).toBe("guest-status-range");
    expect(opened.guest.isBroken).toBe(false);
  });
});

describe("what comes too late", () => {
  const reading = "(drop (call $read_body (i32.const 1) (i32.const 4096) (i32.const 65536)))";
  const late: HttpWasmWat = {
    imports: ["enable_features", "read_body", "set_header_value"],
    texts: { name: "x-a", v: "1", length: "Content-Length" },
    more: BUFFERING,
    response: `${reading}${wat.setHeader(RESPONSE, "name", "v")}`,
  };

  test("are headers that were changed after the body was read", async () => {
    const failing = await begin(late);
    await failing.exchange.response(FOLLOWS);
    expect(inShort(await failing.exchange.responseBody("hello"))).toBe("guest-not-carried");
    const warning = await begin(late, { onUnsupported: "warn" });
    await warning.exchange.response(FOLLOWS);
    expect(inShort(await warning.exchange.responseBody("hello"))).toBe("allow");
  });

  test("but not the length, which is the proxy's business", async () => {
    const { exchange } = await begin({
      ...late,
      response: `${reading}${wat.setHeader(RESPONSE, "length", "v")}`,
    });
    await exchange.response(FOLLOWS);
    expect(inShort(await exchange.responseBody("hello"))).toBe("allow");
  });

  test("is a body after the guest was told that there is none", async () => {
    const { exchange } = await begin({ ...late, response: reading });
    expect(inShort(await exchange.response())).toBe("allow");
    expect(inShort(await exchange.responseBody("hello"))).toBe("guest-body-missed");
  });

  test("is a body that the proxy does not replace", async () => {
    const guest: HttpWasmWat = {
      imports: ["enable_features", "write_body"],
      texts: { body: "changed" },
      more: BUFFERING,
      response: wat.write(RESPONSE, "body"),
    };
    const { exchange } = await begin(guest);
    await exchange.response(FOLLOWS);
    expect(inShort(await exchange.responseBody("hello", { canReplace: false }))).toBe("guest-not-carried");
  });
});

describe("a body that handle_request wrote although the request goes on", () => {
  const prefixing: HttpWasmWat = {
    imports: ["enable_features", "read_body", "write_body"],
    texts: { prefix: "before " },
    request: `${wat.write(RESPONSE, "prefix")}${NEXT}`,
  };

  test("comes before the upstream's", async () => {
    const { exchange } = await begin(prefixing);
    expect(inShort(await exchange.response(FOLLOWS))).toBe("allow");
    expect(inShort(await exchange.responseBody("hello"))).toEqual({ body: "before hello" });
  });

  test("is the body where the upstream sends none", async () => {
    const { exchange } = await begin(prefixing);
    const headers = { "content-length": ["0"], server: ["nginx"] };
    expect(inShort(await exchange.response({ headers }))).toEqual({
      block: { status: 200, body: "before " },
      response: ["set server: nginx"],
    });
  });

  test("cannot be carried without an event with the upstream's", async () => {
    const { exchange } = await begin(prefixing);
    expect(inShort(await exchange.response())).toBe("guest-not-carried");
  });

  test("is read together with it, and gone once handle_response writes", async () => {
    const { exchange } = await begin({
      ...prefixing,
      texts: { ...prefixing.texts, more: "!" },
      more: BUFFERING,
      response: wat.append(RESPONSE, "more"),
    });
    await exchange.response(FOLLOWS);
    expect(inShort(await exchange.responseBody("hello"))).toEqual({ body: "before hello!" });
  });
});

test("features that were enabled for one request are not enabled for the next", async () => {
  const opened = await OpenHttpWasm.open(
    httpWasmWat({
      imports: ["enable_features", "log"],
      texts: { yes: "2", no: "0" },
      more: "(global $calls (mut i32) (i32.const 0))",
      request: `(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eq (global.get $calls) (i32.const 1)) (then ${wat.enable(2)}))
        (if (call $enable_features (i32.const 0)) (then ${wat.log("yes")}) (else ${wat.log("no")}))
        ${NEXT}`,
    }),
  );
  await opened.exchange().request();
  await opened.exchange().request();
  expect(opened.lines).toEqual(["2", "0"]);
});

describe("where instances serve several exchanges at a time", () => {
  test("handle_response runs when the body is there", async () => {
    const opened = await OpenHttpWasm.open(
      httpWasmWat({
        imports: ["enable_features", "read_body", "write_body"],
        texts: { more: "!" },
        more: BUFFERING,
        response: wat.append(RESPONSE, "more"),
      }),
      { shareInstances: true },
    );
    const exchanges = [opened.exchange(), opened.exchange()];
    for (const exchange of exchanges) await exchange.request();
    for (const exchange of exchanges) expect(inShort(await exchange.response(FOLLOWS))).toBe("allow");
    expect(inShort(await exchanges[1]!.responseBody("two"))).toEqual({ body: "two!" });
    expect(inShort(await exchanges[0]!.responseBody("one"))).toEqual({ body: "one!" });
  });

  test("and with an error when the body never comes", async () => {
    const { opened, exchange } = await begin(
      { ...COUNTING, imports: ["log", "enable_features", "read_body"], more: BUFFERING },
      { shareInstances: true },
    );
    await exchange.response(FOLLOWS);
    expect(opened.lines).toEqual([]);
    exchange.end();
    expect(opened.lines).toEqual(["error"]);
  });
});
