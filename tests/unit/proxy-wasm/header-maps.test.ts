/** Header maps as filters read and change them, and what becomes of the changes (docs/proxy-wasm.md 5). */

import { describe, expect, test } from "bun:test";
import type { EventFailure } from "../../../src/event/failure.ts";
import { opsOf, scripted, wordsOf } from "../../support/proxy-wasm-plugin.ts";

const REQUEST = 0;
const RESPONSE = 2;

describe("reading", () => {
  test("pseudo-headers come first, the host as :authority, then the others in lower case", async () => {
    const plugin = await scripted(["request_headers get_header_map_pairs 0 &s"]);
    plugin.exchange().request({ "X-One": ["1"], host: ["b.test"] }, "/p?q=1");
    const [line = ""] = plugin.takeLines();
    const names = [":authority", ":path", ":method", ":scheme", "x-one"];
    const positions = names.map((name) => line.indexOf(`${name}\\x00`));
    expect(positions.every((position, i) => position > (positions[i - 1] ?? 0))).toBe(true);
    expect(line).toContain("b.test");
    expect(line).toContain("/p?q=1");
  });

  test("the callback is told the number of headers, repeated ones apart", async () => {
    const plugin = await scripted([]);
    plugin.exchange().request({ "x-list": ["1", "2"], host: ["a.test"] });
    expect(plugin.takeLines("debug")).toContain("request_headers 3 6 1");
  });

  test("of several values a guest gets the first, whatever the spelling of the name", async () => {
    const plugin = await scripted(["request_headers get_header_map_value 0 'X-LIST' &s"]);
    plugin.exchange().request({ "x-list": ["1", "2"] });
    expect(plugin.takeLines()).toEqual(["get_header_map_value = 0 '1'"]);
  });

  test("host is another name of :authority", async () => {
    const plugin = await scripted([
      "request_headers get_header_map_value 0 'host' &s",
      "request_headers get_header_map_value 0 ':authority' &s",
    ]);
    plugin.exchange().request({ host: ["c.test"] });
    expect(plugin.takeLines()).toEqual(Array(2).fill("get_header_map_value = 0 'c.test'"));
  });

  test.each([
    ["0.1.0", "get_header_map_value = 0 ''"],
    ["0.2.0", "get_header_map_value = 1 ''"],
    ["0.2.1", "get_header_map_value = 1 ''"],
    ["0.2.100", "get_header_map_value = 1 ''"],
  ] as const)("a header that is not there, for version %s", async (version, line) => {
    const plugin = await scripted(["request_headers get_header_map_value 0 'x-none' &s"], { version });
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual([line]);
  });

  test("the size of a map is that of its serialized form", async () => {
    const plugin = await scripted([
      "response_headers get_header_map_size 2 &",
      "response_headers get_header_map_pairs 2 &s",
    ]);
    const exchange = plugin.exchange();
    exchange.request();
    exchange.response(204);
    // :status 204, server nginx.
    expect(plugin.takeLines()[0]).toBe(`get_header_map_size = 0 ${4 + 2 * 10 + 7 + 3 + 6 + 5}`);
  });

  test("trailers are empty, and no room is asked for them", async () => {
    const plugin = await scripted([
      "request_headers allocator t 0",
      "request_headers get_header_map_pairs 1 &s",
      "request_headers get_header_map_value 1 'x' &s",
    ]);
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual(["get_header_map_pairs = 0 ''", "get_header_map_value = 1 ''"]);
  });

  test("both maps can be read at the log, and not changed", async () => {
    const plugin = await scripted([
      "log get_header_map_value 0 ':path' &s",
      "log get_header_map_value 2 ':status' &s",
      "log add_header_map_value 2 'x' 'y'",
    ]);
    const exchange = plugin.exchange();
    exchange.request({}, "/logged");
    exchange.response(201);
    exchange.end();
    expect(plugin.warnings()).toHaveLength(1);
    expect(plugin.takeLines()).toEqual([
      "get_header_map_value = 0 '/logged'",
      "get_header_map_value = 0 '201'",
      "add_header_map_value = 0",
    ]);
  });

  test("a guest reads what it has written", async () => {
    const plugin = await scripted([
      "request_headers add_header_map_value 0 'X-New' 'a'",
      "request_headers get_header_map_value 0 'x-new' &s",
      "request_headers replace_header_map_value 0 'x-new' 'b'",
      "request_headers get_header_map_value 0 'x-new' &s",
      "request_headers remove_header_map_value 0 'x-new'",
      "request_headers get_header_map_value 0 'x-new' &s",
    ]);
    plugin.exchange().request();
    expect(plugin.takeLines().filter((line) => line.startsWith("get"))).toEqual([
      "get_header_map_value = 0 'a'",
      "get_header_map_value = 0 'b'",
      "get_header_map_value = 1 ''",
    ]);
  });
});

describe.each([
  [REQUEST, "request_headers", "requestHeaders"],
  [RESPONSE, "response_headers", "responseHeaders"],
] as const)("edits of map %d", (map, callback, side) => {
  const verdict = async (...commands: readonly string[]) => {
    const plugin = await scripted(commands.map((command) => `${callback} ${command}`));
    const exchange = plugin.exchange();
    const request = exchange.request({ "x-sent": ["1"], "x-list": ["1", "2"] });
    return map === REQUEST ? request : exchange.response();
  };

  test("add, replace and remove become operations, in order", async () => {
    const outcome = await verdict(
      `add_header_map_value ${map} 'X-Added' 'a'`,
      `replace_header_map_value ${map} 'x-sent' 'b'`,
      `remove_header_map_value ${map} 'x-list'`,
    );
    expect(opsOf(outcome, side)).toEqual(["add x-added: a", "set x-sent: b", "remove x-list"]);
  });

  test("a value may be empty, and may be UTF-8", async () => {
    const outcome = await verdict(
      `replace_header_map_value ${map} 'x-empty' ''`,
      `replace_header_map_value ${map} 'x-text' 'gr\\xc3\\xbcn'`,
    );
    expect(opsOf(outcome, side)).toEqual(["set x-empty: ", "set x-text: grün"]);
  });

  test.each([
    ["a line break", `add_header_map_value ${map} 'x-a' 'one\\ntwo'`, "guest-header-value"],
    ["bytes that are not UTF-8", `add_header_map_value ${map} 'x-a' '\\xff'`, "guest-header-value"],
    ["a name with a blank", `add_header_map_value ${map} 'x a' '1'`, "guest-header-name"],
    ["a line break in a whole map", `set_header_map_pairs ${map} [x-a=one\\ntwo]`, "guest-header-value"],
  ])("%s fails the event and keeps the instance", async (_what, command, code) => {
    const plugin = await scripted([`${callback} ${command}`]);
    const exchange = plugin.exchange();
    let outcome = exchange.request();
    if (map === RESPONSE) outcome = exchange.response();
    expect(wordsOf(outcome)).toBe(code);
    expect(plugin.guest.isBroken).toBe(false);
  });

  test("a map without end is stopped", async () => {
    const lines = Array.from({ length: 1030 }, () => `add_header_map_value ${map} 'x' 'y'`);
    const plugin = await scripted(lines.map((line) => `${callback} ${line}`));
    const exchange = plugin.exchange();
    exchange.request();
    if (map === RESPONSE) exchange.response();
    const statuses = plugin.takeLines();
    expect(statuses.slice(0, 1024).every((line) => line === "add_header_map_value = 0")).toBe(true);
    expect(statuses.slice(1024)).toEqual(Array(6).fill("add_header_map_value = 10"));
  });
});

describe("a whole map", () => {
  test("becomes the operations that lead to it", async () => {
    const plugin = await scripted([
      "request_headers set_header_map_pairs 0 [:path=/,:method=GET,x-kept=1,x-changed=b,x-new=n,x-list=1,x-list=3]",
    ]);
    const outcome = plugin.exchange().request({
      "x-kept": ["1"],
      "x-changed": ["a"],
      "x-gone": ["1"],
      "x-list": ["1", "2"],
    });
    expect(opsOf(outcome).sort()).toEqual(
      ["remove x-gone", "set x-changed: b", "set x-new: n", "set x-list: 1", "add x-list: 3"].sort(),
    );
  });

  test("that is the same leaves all as it is", async () => {
    const plugin = await scripted(["response_headers set_header_map_pairs 2 [:status=200,server=nginx]"]);
    const exchange = plugin.exchange();
    exchange.request();
    expect(opsOf(exchange.response(), "responseHeaders")).toEqual([]);
  });

  test.each([
    ["no bytes", "''"],
    ["a count of zero", "'\\0\\0\\0\\0'"],
    ["one zero byte", "'\\0'"],
  ])("of %s is empty", async (_what, bytes) => {
    const plugin = await scripted([`response_headers set_header_map_pairs 2 ${bytes}`]);
    const exchange = plugin.exchange();
    exchange.request();
    expect(opsOf(exchange.response(), "responseHeaders")).toEqual(["remove server"]);
  });

  test.each([
    ["two bytes", "'\\x01\\0'"],
    ["a count without lengths", "'\\x01\\0\\0\\0'"],
    ["more pairs than any map has", "'\\xff\\xff\\xff\\x7f\\0\\0\\0\\0'"],
    ["a name that reaches past the end", "'\\x01\\0\\0\\0\\xff\\0\\0\\0\\0\\0\\0\\0a\\0'"],
    ["a value that reaches past the end", "'\\x01\\0\\0\\0\\x01\\0\\0\\0\\xff\\0\\0\\0a\\0b\\0'"],
    ["a name without its zero byte", "'\\x01\\0\\0\\0\\x01\\0\\0\\0\\x01\\0\\0\\0aab\\0'"],
    ["a value without its zero byte", "'\\x01\\0\\0\\0\\x01\\0\\0\\0\\x01\\0\\0\\0a\\0bb'"],
    ["bytes left over", "'\\x01\\0\\0\\0\\x01\\0\\0\\0\\x01\\0\\0\\0a\\0b\\0c'"],
  ])("of %s changes nothing, with a warning", async (_what, bytes) => {
    const plugin = await scripted([`response_headers set_header_map_pairs 2 ${bytes}`]);
    const exchange = plugin.exchange();
    exchange.request();
    expect(opsOf(exchange.response(), "responseHeaders")).toEqual([]);
    expect(plugin.warnings()).toHaveLength(1);
    expect(plugin.takeLines()).toEqual(["set_header_map_pairs = 0"]);
  });
});

describe("pseudo-headers", () => {
  test("a new :authority is a new Host", async () => {
    const plugin = await scripted(["request_headers replace_header_map_value 0 ':authority' 'canary.test'"]);
    expect(opsOf(plugin.exchange().request())).toEqual(["set host: canary.test"]);
  });

  test.each([":path", ":method", ":scheme"])(
    "a new %s cannot be carried, which fails the event",
    async (name) => {
      const plugin = await scripted([`request_headers replace_header_map_value 0 '${name}' 'other'`]);
      const outcome = plugin.exchange().request();
      expect(wordsOf(outcome)).toBe("guest-not-carried");
      expect((outcome as EventFailure).message).toContain(name);
      expect(plugin.guest.isBroken).toBe(false);
    },
  );

  test("a new :status alone cannot be carried", async () => {
    const plugin = await scripted(["response_headers replace_header_map_value 2 ':status' '404'"]);
    const exchange = plugin.exchange();
    exchange.request();
    expect(wordsOf(exchange.response())).toBe("guest-not-carried");
  });

  test("where the operator wants a warning, the other edits are carried", async () => {
    const plugin = await scripted(
      [
        "request_headers replace_header_map_value 0 ':path' '/other'",
        "request_headers add_header_map_value 0 'x-a' '1'",
      ],
      { proxyWasm: { onUnsupported: "warn" } },
    );
    expect(opsOf(plugin.exchange().request())).toEqual(["add x-a: 1"]);
    expect(plugin.warnings().join()).toContain(":path");
  });

  test("the same value again, or a change that is taken back, is no change", async () => {
    const plugin = await scripted([
      "request_headers replace_header_map_value 0 ':method' 'GET'",
      "request_headers replace_header_map_value 0 ':path' '/other'",
      "request_headers get_header_map_value 0 ':path' &s",
      "request_headers replace_header_map_value 0 ':path' '/'",
    ]);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
    expect(plugin.takeLines()).toContain("get_header_map_value = 0 '/other'");
  });

  test("they cannot be removed", async () => {
    const plugin = await scripted([
      "request_headers remove_header_map_value 0 ':path'",
      "request_headers get_header_map_value 0 ':path' &s",
    ]);
    expect(wordsOf(plugin.exchange().request({}, "/kept"))).toBe("allow");
    expect(plugin.takeLines()).toContain("get_header_map_value = 0 '/kept'");
  });
});

describe("a map that is gone, or not there yet", () => {
  const MISUSES = [
    ["the request's, while the response is there", "response_headers add_header_map_value 0 'x' 'y'"],
    ["the response's, while the request is there", "request_headers add_header_map_value 2 'x' 'y'"],
  ] as const;

  test.each(MISUSES)("%s: writing does nothing, with a warning", async (_what, line) => {
    const plugin = await scripted([line]);
    const exchange = plugin.exchange();
    expect(opsOf(exchange.request())).toEqual([]);
    expect(opsOf(exchange.response(), "responseHeaders")).toEqual([]);
    expect(plugin.warnings()).toHaveLength(1);
    expect(plugin.takeLines()).toEqual(["add_header_map_value = 0"]);
  });

  test("reading gives nothing", async () => {
    const plugin = await scripted([
      "request_headers get_header_map_pairs 2 &s",
      "request_headers get_header_map_value 2 ':status' &s",
      "tick get_header_map_pairs 0 &s",
    ]);
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual(["get_header_map_pairs = 0 ''", "get_header_map_value = 1 ''"]);
  });
});
