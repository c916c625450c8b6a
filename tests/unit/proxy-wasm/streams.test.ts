/** Pausing, going on and replying (docs/proxy-wasm.md 6). */

import { describe, expect, test } from "bun:test";
import { EventFailure } from "../../../src/event/failure.ts";
import {
  chunk,
  openPlugin,
  opsOf,
  pluginPath,
  request,
  scripted,
  wordsOf,
} from "../../support/proxy-wasm-plugin.ts";
import { sampleResponse } from "../../support/neutral-events.ts";

const reply = (status: number, rest = "'' 'text' [] -1") => `send_local_response ${status} ${rest}`;

describe("a local reply", () => {
  test.each([["request_headers"], ["response_headers"], ["request_body"], ["response_body"]])(
    "from %s is a block, whatever the callback returns",
    async (callback) => {
      const plugin = await scripted([`${callback} ${reply(403)}`, `${callback} return 0`]);
      const exchange = plugin.exchange();
      const outcomes = [
        () => exchange.request({ "transfer-encoding": ["chunked"] }),
        () => exchange.now(chunk("x")),
        () => exchange.response(),
        () => exchange.now(chunk("x", { of: "response" })),
      ];
      const words: string[] = [];
      for (const next of outcomes) {
        words.push(wordsOf(next()));
        if (words.at(-1) !== "allow") break;
      }
      expect(words.at(-1)).toBe("block 403 text");
      expect(words.length).toBe(
        ["request_headers", "request_body", "response_headers", "response_body"].indexOf(callback) + 1,
      );
    },
  );

  test("has headers, the first value of a name in place of the proxy's", async () => {
    const plugin = await scripted([
      `request_headers ${reply(401, "'why' 'no' [WWW-Authenticate=Basic,x-a=1,x-a=2] -1")}`,
    ]);
    const outcome = plugin.exchange().request();
    expect(opsOf(outcome, "responseHeaders")).toEqual([
      "set www-authenticate: Basic",
      "set x-a: 1",
      "add x-a: 2",
    ]);
    expect(outcome instanceof EventFailure ? [] : outcome.audit.reasonCodes).toEqual(["why"]);
  });

  test("with a Location and no body is a redirect", async () => {
    const plugin = await scripted([`request_headers ${reply(302, "'' '' [location=/login] -1")}`]);
    expect(plugin.exchange().request()).toMatchObject({
      decision: { kind: "redirect", status: 302, location: "/login" },
      responseHeaders: [],
    });
  });

  test("with a body and a Location stays a block with its header", async () => {
    const plugin = await scripted([`request_headers ${reply(302, "'' 'moved' [location=/login] -1")}`]);
    const outcome = plugin.exchange().request();
    expect(wordsOf(outcome)).toBe("block 302 moved");
    expect(opsOf(outcome, "responseHeaders")).toEqual(["set location: /login"]);
  });

  test("with a gRPC status is one for clients that speak gRPC, and no other", async () => {
    const plugin = await scripted([`request_headers ${reply(500, "'' 'not 100%' [] 7")}`]);
    const grpc = plugin.exchange().request({ "content-type": ["application/grpc+proto"] });
    expect(wordsOf(grpc)).toBe("block 200");
    expect(opsOf(grpc, "responseHeaders")).toEqual([
      "set content-type: application/grpc",
      "set grpc-status: 7",
      "set grpc-message: not 100%25",
    ]);
    expect(wordsOf(plugin.exchange().request())).toBe("block 500 not 100%");
  });

  test.each([[0], [99], [199], [600], [70000]])("with status %d fails the event", async (status) => {
    const plugin = await scripted([`request_headers ${reply(status)}`]);
    expect(wordsOf(plugin.exchange().request())).toBe("guest-status-range");
    expect(plugin.guest.isBroken).toBe(false);
  });

  test.each([
    ["a body that is not text", "'' '\\xff' [] -1", "guest-body-not-text"],
    ["a header value with a line break", "'' '' [x=a\\nb] -1", "guest-header-value"],
    ["a header name with a blank", "'' '' [x y=a] -1", "guest-header-name"],
    [
      "two cookies, which the proxy's protocol cannot tell apart",
      "'' '' [set-cookie=a,set-cookie=b] -1",
      "guest-not-carried",
    ],
  ])("with %s fails the event", async (_what, rest, code) => {
    const plugin = await scripted([`request_headers ${reply(403, rest)}`]);
    expect(wordsOf(plugin.exchange().request())).toBe(code);
    expect(plugin.guest.isBroken).toBe(false);
  });

  test("makes edits of the request irrelevant", async () => {
    const plugin = await scripted([
      "request_headers replace_header_map_value 0 ':path' '/other'",
      `request_headers ${reply(404)}`,
    ]);
    expect(wordsOf(plugin.exchange().request())).toBe("block 404 text");
  });

  test("the first one counts", async () => {
    const plugin = await scripted([`request_headers ${reply(403)}`, `request_headers ${reply(404)}`]);
    expect(wordsOf(plugin.exchange().request())).toBe("block 403 text");
  });

  test("of an exchange whose events are all answered reaches the next one", async () => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 1",
      "1/tick set_effective_context 3",
      `1/tick ${reply(403)}`,
    ]);
    const exchange = plugin.exchange();
    expect(wordsOf(exchange.request())).toBe("allow");
    await plugin.untilLogged("send_local_response");
    expect(wordsOf(exchange.response())).toBe("block 403 text");
  });

  test.each(["tick", "done", "log"])("from %s does nothing, with a warning", async (callback) => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 1",
      `${callback} ${reply(403)}`,
      "log get_header_map_size 0 &",
    ]);
    const exchange = plugin.exchange();
    expect(wordsOf(exchange.request())).toBe("allow");
    if (callback === "tick") await plugin.untilLogged("send_local_response");
    exchange.end();
    expect(plugin.guest.isBroken).toBe(false);
    expect(plugin.warnings()).toHaveLength(1);
    expect(plugin.takeLines()).toContain("send_local_response = 0");
  });
});

describe("a pause", () => {
  const RESUME = [
    "configure set_tick_period_milliseconds 2",
    "tick set_effective_context 3",
    "tick continue_stream 0",
  ];

  test.each([1, 3, 4, 99])("action %d stops the headers until the guest goes on", async (action) => {
    const plugin = await scripted([
      ...RESUME,
      "request_headers add_header_map_value 0 'x-before' '1'",
      "tick add_header_map_value 0 'x-after' '2'",
      `request_headers return ${action}`,
    ]);
    const exchange = plugin.exchange();
    const outcome = exchange.call(request());
    expect(outcome).toBeInstanceOf(Promise);
    expect(opsOf(await outcome).slice(0, 2)).toEqual(["add x-before: 1", "add x-after: 2"]);
    plugin.guest.close();
  });

  test("action 2, the end of the message, lets the headers go on", async () => {
    const plugin = await scripted(["request_headers return 2"]);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
  });

  test("that the guest takes back in the same callback is none", async () => {
    const plugin = await scripted(["request_headers continue_stream 0", "request_headers return 1"]);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
  });

  test("of the response ends with a reply", async () => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 2",
      "response_headers return 1",
      "tick set_effective_context 3",
      `tick ${reply(502)}`,
    ]);
    const exchange = plugin.exchange();
    const first = exchange.call(request());
    const words = [wordsOf(await first), wordsOf(await exchange.call(sampleResponse()))];
    expect(words.at(-1)).toBe("block 502 text");
    plugin.guest.close();
  });

  test("goes on in the other direction", async () => {
    const plugin = await scripted(["request_headers return 1", "response_headers return 0"]);
    const exchange = plugin.exchange();
    const paused = exchange.call(request());
    expect(wordsOf(await exchange.call(sampleResponse()))).toBe("allow");
    exchange.end();
    expect(wordsOf(await paused)).toBe("exchange-lost");
  });

  test("does not hold up other exchanges", async () => {
    const plugin = await scripted(["1/request_headers return 1"]);
    const first = plugin.exchange();
    const paused = first.call(request());
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
    first.end();
    await paused;
  });

  test("without an end is ended by whoever holds the lease, and the guest sees the whole end", async () => {
    const plugin = await scripted(["request_headers return 1"]);
    const exchange = plugin.exchange();
    const paused = exchange.call(request());
    exchange.end();
    expect(wordsOf(await paused)).toBe("exchange-lost");
    expect(plugin.takeLines("debug").slice(-3)).toEqual(["done 3", "log 3", "delete 3"]);
  });

  test("that is closed by the guest is a refusal", async () => {
    const plugin = await scripted(["request_headers close_stream 0"]);
    expect(wordsOf(plugin.exchange().request())).toBe("block 503");
  });

  test("ends when the instance breaks elsewhere", async () => {
    const plugin = await scripted(["1/request_headers return 1", "2/request_headers trap"]);
    const paused = plugin.exchange().call(request());
    expect(wordsOf(plugin.exchange().request())).toBe("guest-trap");
    expect(wordsOf(await paused)).toBe("exchange-lost");
    expect(plugin.guest.isBroken).toBe(true);
  });

  test("ends when the instance is closed", async () => {
    const plugin = await scripted(["request_headers return 1"]);
    const paused = plugin.exchange().call(request());
    plugin.guest.close();
    expect(wordsOf(await paused)).toBe("exchange-lost");
  });

  test("of 0.1.0 ends with its own functions", async () => {
    const plugin = await scripted(
      [
        "request_headers continue_request",
        "request_headers return 1",
        "response_headers continue_response",
        "response_headers return 1",
      ],
      { version: "0.1.0" },
    );
    const exchange = plugin.exchange();
    expect(wordsOf(exchange.request())).toBe("allow");
    expect(wordsOf(exchange.response())).toBe("allow");
  });
});

describe("the effective context", () => {
  test("of a live stream is acted on until the callback returns", async () => {
    const plugin = await scripted([
      "2/request_headers set_effective_context 3",
      "2/request_headers get_header_map_value 0 ':path' &s",
      "response_headers get_header_map_value 0 ':path' &s",
    ]);
    plugin.exchange().request({}, "/first");
    const second = plugin.exchange();
    second.request({}, "/second");
    second.response();
    expect(plugin.takeLines()).toEqual([
      "set_effective_context = 0",
      "get_header_map_value = 0 '/first'",
      "get_header_map_value = 0 '/second'",
    ]);
  });

  test.each([
    ["a stream that has ended", 3],
    ["a stream that never was", 99],
    ["zero", 0],
  ])("cannot be %s", async (_what, id) => {
    const plugin = await scripted([
      `2/request_headers set_effective_context ${id}`,
      "2/request_headers get_header_map_value 0 ':path' &s",
    ]);
    const first = plugin.exchange();
    first.request({}, "/first");
    first.end();
    plugin.exchange().request({}, "/second");
    expect(plugin.takeLines()).toEqual(["set_effective_context = 2", "get_header_map_value = 0 '/second'"]);
  });

  test("may be the root, which has no headers", async () => {
    const plugin = await scripted([
      "request_headers set_effective_context 1",
      "request_headers get_header_map_value 0 ':path' &s",
    ]);
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual(["set_effective_context = 0", "get_header_map_value = 1 ''"]);
  });
});

test("two instances of a module see their own streams only", async () => {
  const bytes = await Bun.file(pluginPath("scripted-0.2.1")).bytes();
  const script = JSON.stringify({ plugin_configuration: "request_headers set_effective_context 4" });
  const [one, two] = [await openPlugin(bytes, script), await openPlugin(bytes, script)];
  one.exchange().request();
  one.exchange().request();
  two.exchange().request();
  expect(one.takeLines()).toEqual(["set_effective_context = 2", "set_effective_context = 0"]);
  expect(two.takeLines()).toEqual(["set_effective_context = 2"]);
});
