/** Shared data, queues, metrics, ticks and properties (docs/proxy-wasm.md 7, 8 and 10). */

import { describe, expect, test } from "bun:test";
import { makeGrantSettings, openGrants } from "../../../src/host/grants.ts";
import { chunk, type PluginOptions, request, scripted, wordsOf } from "../../support/proxy-wasm-plugin.ts";

const linesOf = async (script: readonly string[], options: PluginOptions = {}): Promise<string[]> => {
  const plugin = await scripted(
    script.map((line) => `request_headers ${line}`),
    options,
  );
  expect(wordsOf(plugin.exchange().request())).toBe("allow");
  return plugin.takeLines();
};

describe("shared data", () => {
  test("is not there before it was set", async () => {
    expect(await linesOf(["get_shared_data 'k' &s &"])).toEqual(["get_shared_data = 1 '' 0"]);
  });

  test("comes with the number of its write, which counts over all keys from 1 on", async () => {
    expect(
      await linesOf([
        "set_shared_data 'a' 'one' 0",
        "set_shared_data 'b' 'two' 0",
        "get_shared_data 'a' &s &",
        "get_shared_data 'b' &s &",
      ]),
    ).toEqual([
      "set_shared_data = 0",
      "set_shared_data = 0",
      "get_shared_data = 0 'one' 1",
      "get_shared_data = 0 'two' 2",
    ]);
  });

  test("is set by compare-and-swap: the right number, a wrong one, none, and any for a key that is not there", async () => {
    expect(
      await linesOf([
        "set_shared_data 'k' 'first' 77",
        "set_shared_data 'k' 'second' 1",
        "set_shared_data 'k' 'stale' 1",
        "get_shared_data 'k' &s &",
        "set_shared_data 'k' 'forced' 0",
        "get_shared_data 'k' &s &",
      ]),
    ).toEqual([
      "set_shared_data = 0",
      "set_shared_data = 0",
      "set_shared_data = 8",
      "get_shared_data = 0 'second' 2",
      "set_shared_data = 0",
      "get_shared_data = 0 'forced' 3",
    ]);
  });

  test("may be empty, and may be binary", async () => {
    expect(
      await linesOf([
        "set_shared_data '' '\\0\\xff' 0",
        "get_shared_data '' &s &",
        "set_shared_data 'e' '' 0",
        "get_shared_data 'e' &s &",
      ]),
    ).toEqual([
      "set_shared_data = 0",
      "get_shared_data = 0 '\\x00\\xff' 1",
      "set_shared_data = 0",
      "get_shared_data = 0 '' 2",
    ]);
  });

  test("is the same for two instances with one VM id, and another one for another id", async () => {
    const grants = openGrants(makeGrantSettings());
    const at = (vm_id: string) => ({ grants, configuration: { vm_id } });
    await linesOf(["set_shared_data 'k' 'v' 0"], at("one"));
    expect(await linesOf(["get_shared_data 'k' &s &"], at("one"))).toEqual(["get_shared_data = 0 'v' 1"]);
    expect(await linesOf(["get_shared_data 'k' &s &"], at("two"))).toEqual(["get_shared_data = 1 '' 0"]);
  });

  test("is forgotten when its last instance is gone and another VM id begins", async () => {
    const grants = openGrants(makeGrantSettings());
    const set = ["request_headers set_shared_data 'k' 'v' 0"];
    const one = await scripted(set, { grants, configuration: { vm_id: "one" } });
    one.exchange().request();
    one.guest.close();
    const again = await scripted(set, { grants, configuration: { vm_id: "one" } });
    expect(grants.sharedData.get("one", Buffer.from("k"))?.bytes.toString()).toBe("v");
    await scripted(set, { grants, configuration: { vm_id: "two" } });
    expect(grants.sharedData.get("one", Buffer.from("k"))?.bytes.toString()).toBe("v");
    again.guest.close();
    await scripted(set, { grants, configuration: { vm_id: "three" } });
    expect(grants.sharedData.get("one", Buffer.from("k"))).toBeNull();
  });

  test("has an end, which is an error for the guest and a warning for the operator", async () => {
    const big = "x".repeat(30_000);
    const plugin = await scripted([`request_headers set_shared_data '${big}' '' 0`]);
    plugin.exchange().request();
    expect(plugin.warnings().join()).toContain("shared data");
    expect(plugin.takeLines()).toEqual(["set_shared_data = 10"]);
  });
});

describe("queues", () => {
  test("give their items in order, and then none", async () => {
    expect(
      await linesOf([
        "register_shared_queue 'q' &",
        "enqueue_shared_queue 1 'one'",
        "enqueue_shared_queue 1 'two'",
        "dequeue_shared_queue 1 &s",
        "dequeue_shared_queue 1 &s",
        "dequeue_shared_queue 1 &s",
      ]),
    ).toEqual([
      "register_shared_queue = 0 1",
      "enqueue_shared_queue = 0",
      "enqueue_shared_queue = 0",
      "dequeue_shared_queue = 0 'one'",
      "dequeue_shared_queue = 0 'two'",
      "dequeue_shared_queue = 7 ''",
    ]);
  });

  test("that nobody registered are unknown", async () => {
    expect(
      await linesOf([
        "resolve_shared_queue '' 'q' &",
        "enqueue_shared_queue 0 'x'",
        "enqueue_shared_queue 9 'x'",
        "dequeue_shared_queue 9 &s",
      ]),
    ).toEqual([
      "resolve_shared_queue = 1 0",
      "enqueue_shared_queue = 1",
      "enqueue_shared_queue = 1",
      "dequeue_shared_queue = 1 ''",
    ]);
  });

  test("are found by the VM id, and keep their items when they are registered again", async () => {
    const grants = openGrants(makeGrantSettings());
    const at = (vm_id: string) => ({ grants, configuration: { vm_id } });
    await linesOf(["register_shared_queue 'q' &", "enqueue_shared_queue 1 'kept'"], at("one"));
    expect(
      await linesOf(["resolve_shared_queue 'one' 'q' &", "resolve_shared_queue '' 'q' &"], at("two")),
    ).toEqual(["resolve_shared_queue = 0 1", "resolve_shared_queue = 1 0"]);
    expect(await linesOf(["register_shared_queue 'q' &", "dequeue_shared_queue 1 &s"], at("one"))).toEqual([
      "register_shared_queue = 0 1",
      "dequeue_shared_queue = 0 'kept'",
    ]);
  });

  test("notify the last registrant, once for each item, and never inside of the call that put it there", async () => {
    const grants = openGrants(makeGrantSettings());
    const receive = ["configure register_shared_queue 'q' &", "queue_ready dequeue_shared_queue 1 &s"];
    const replaced = await scripted(receive, { grants });
    const receiver = await scripted(receive, { grants });
    const sender = await scripted(
      [
        "request_headers enqueue_shared_queue 1 'a'",
        "request_headers enqueue_shared_queue 1 'b'",
        "queue_ready trap",
      ],
      { grants },
    );
    sender.exchange().request();
    expect(receiver.log.lines).toEqual([]);
    await receiver.untilLogged("'b'");
    expect(receiver.takeLines()).toEqual(["dequeue_shared_queue = 0 'a'", "dequeue_shared_queue = 0 'b'"]);
    expect(replaced.takeLines()).toEqual([]);
    for (const plugin of [replaced, receiver, sender]) plugin.guest.close();
  });

  test("notify nobody who is gone", async () => {
    const grants = openGrants(makeGrantSettings());
    const receiver = await scripted(["configure register_shared_queue 'q' &"], { grants });
    receiver.guest.close();
    grants.sharedQueues.enqueue(1, Buffer.from("x"));
    await Bun.sleep(20);
    expect(receiver.takeLines("debug")).toEqual([]);
  });

  test("have an end", async () => {
    const grants = openGrants(makeGrantSettings());
    await linesOf(["register_shared_queue 'q' &"], { grants });
    const outcomes = Array.from({ length: 4097 }, () => grants.sharedQueues.enqueue(1, Buffer.from("x")));
    expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(4096);
    expect(outcomes.at(-1)).toBe("full");
  });
});

describe("metrics", () => {
  test("of all kinds: what counts up, what is set, what is observed", async () => {
    const grants = openGrants(makeGrantSettings());
    expect(
      await linesOf(
        [
          "define_metric 0 'hits' &",
          "define_metric 1 'level' &",
          "define_metric 2 'time' &",
          "increment_metric 1 5L",
          "record_metric 1 2L",
          "get_metric 1 &L",
          "record_metric 2 10L",
          "increment_metric 2 -3L",
          "get_metric 2 &L",
          "record_metric 3 40L",
          "get_metric 3 &L",
        ],
        { grants },
      ),
    ).toEqual([
      "define_metric = 0 1",
      "define_metric = 0 2",
      "define_metric = 0 3",
      "increment_metric = 0",
      "record_metric = 0",
      "get_metric = 0 7",
      "record_metric = 0",
      "increment_metric = 0",
      "get_metric = 0 7",
      "record_metric = 0",
      "get_metric = 2 0",
    ]);
    expect(grants.metrics.list()).toMatchObject([
      { kind: "counter", name: "hits", value: 7n },
      { kind: "gauge", name: "level", value: 7n },
      { kind: "histogram", name: "time", count: 1n, sum: 40n },
    ]);
  });

  test("what cannot be done to them", async () => {
    expect(
      await linesOf([
        "define_metric 0 'c' &",
        "define_metric 2 'h' &",
        "increment_metric 1 0L",
        "increment_metric 1 -1L",
        "increment_metric 2 1L",
        "increment_metric 9 1L",
        "record_metric 9 1L",
        "get_metric 9 &L",
      ]),
    ).toEqual([
      "define_metric = 0 1",
      "define_metric = 0 2",
      "increment_metric = 2",
      "increment_metric = 2",
      "increment_metric = 2",
      "increment_metric = 1",
      "record_metric = 1",
      "get_metric = 1 0",
    ]);
  });

  test("defined again, also by another instance, are the same", async () => {
    const grants = openGrants(makeGrantSettings());
    const define = ["define_metric 0 'hits' &", "increment_metric 1 1L", "get_metric 1 &L"];
    await linesOf(define, { grants });
    expect(await linesOf(define, { grants })).toEqual([
      "define_metric = 0 1",
      "increment_metric = 0",
      "get_metric = 0 2",
    ]);
  });

  test("of the same name and another kind are others", async () => {
    expect(await linesOf(["define_metric 0 'm' &", "define_metric 1 'm' &"])).toEqual([
      "define_metric = 0 1",
      "define_metric = 0 2",
    ]);
  });

  test("without end cost nothing more at some point, and no guest", async () => {
    const grants = openGrants(makeGrantSettings());
    for (let i = 0; i < 2100; i++) grants.metrics.define("counter", `m${i}`);
    expect(
      await linesOf(
        ["define_metric 0 'more' &", "increment_metric -1 1L", "record_metric -1 1L", "get_metric -1 &L"],
        {
          grants,
        },
      ),
    ).toEqual([
      `define_metric = 0 ${0xffff_ffff}`,
      "increment_metric = 0",
      "record_metric = 0",
      "get_metric = 0 0",
    ]);
    expect(grants.metrics.list()).toHaveLength(2048);
  });

  test("values have 64 bits", async () => {
    expect(
      await linesOf(["define_metric 1 'g' &", "record_metric 1 18446744073709551615L", "get_metric 1 &L"]),
    ).toEqual(["define_metric = 0 1", "record_metric = 0", "get_metric = 0 18446744073709551615"]);
  });
});

describe("ticks", () => {
  test("come again and again", async () => {
    const plugin = await scripted(["configure set_tick_period_milliseconds 1", "3/tick get_log_level &"]);
    await plugin.untilLogged("get_log_level");
    plugin.guest.close();
  });

  test("end with a period of 0", async () => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 1",
      "2/tick set_tick_period_milliseconds 0",
    ]);
    await plugin.untilLogged("set_tick_period_milliseconds");
    await Bun.sleep(30);
    expect(plugin.takeLines("debug").filter((line) => line === "tick 1")).toHaveLength(2);
  });

  test("end with the instance", async () => {
    const plugin = await scripted(["configure set_tick_period_milliseconds 1"]);
    await plugin.untilLogged("tick 1");
    plugin.guest.close();
    plugin.takeLines();
    await Bun.sleep(20);
    expect(plugin.takeLines("debug")).toEqual([]);
  });

  test("belong to the root, also when a stream asks for them", async () => {
    const plugin = await scripted(["request_headers set_tick_period_milliseconds 1"]);
    plugin.exchange().request();
    await plugin.untilLogged("tick 1");
    plugin.guest.close();
  });

  test("that fail cost the instance, whose holder is notified", async () => {
    const plugin = await scripted(["configure set_tick_period_milliseconds 1", "tick trap"]);
    while (!plugin.guest.isBroken) await Bun.sleep(2);
    expect(plugin.brokenCalls).toBe(1);
    expect(plugin.log.messages("error").join()).toContain("belongs to no event");
    expect(wordsOf(plugin.exchange().request())).toBe("exchange-lost");
  });

  test("that never end are stopped", async () => {
    const plugin = await scripted(["configure set_tick_period_milliseconds 1", "tick loop"], {
      timeoutMs: 30,
    });
    while (!plugin.guest.isBroken) await Bun.sleep(2);
    expect(plugin.log.lines.some(({ fields }) => fields["code"] === "guest-deadline")).toBe(true);
  });
});

describe("properties", () => {
  const HEADERS = {
    host: ["a.test"],
    referer: ["http://b.test/"],
    "user-agent": ["test"],
    "x-request-id": ["id-1"],
    "x-forwarded-proto": ["https"],
    "content-length": ["3"],
  };

  test.each([
    ["request\\0path", "'/p?q=1'"],
    ["request\\0url_path", "'/p'"],
    ["request\\0query", "'q=1'"],
    ["request\\0url", "'https://a.test/p?q=1'"],
    ["request.path", "'/p?q=1'"],
    ["request\\0host", "'a.test'"],
    ["request\\0scheme", "'https'"],
    ["request\\0method", "'GET'"],
    ["request\\0referer", "'http://b.test/'"],
    ["request\\0useragent", "'test'"],
    ["request\\0id", "'id-1'"],
    ["x_request_id", "'id-1'"],
    ["request\\0protocol", "'HTTP/1.1'"],
    ["request\\0headers\\0user-agent", "'test'"],
    ["source\\0address", "'203.0.113.9:0'"],
    ["source\\0port", `'${"\\x00".repeat(8)}'`],
    ["route_name", "'api'"],
    ["plugin_name", "''"],
    ["request\\0size", `'${"\\x00".repeat(8)}'`],
  ])("%s", async (path, value) => {
    const plugin = await scripted([`request_headers get_property '${path}' &s`]);
    plugin.exchange().request(HEADERS, "/p?q=1");
    expect(plugin.takeLines()).toEqual([`get_property = 0 ${value}`]);
  });

  test("of the response, once it is there", async () => {
    const paths = ["response\\0code", "response\\0size", "response\\0headers\\0server"];
    const plugin = await scripted([
      "request_headers get_property 'response\\0code' &s",
      ...paths.map((path) => `log get_property '${path}' &s`),
    ]);
    const exchange = plugin.exchange();
    exchange.request(HEADERS);
    exchange.response(404);
    exchange.now(chunk("1234", { of: "response" }));
    exchange.end();
    expect(plugin.takeLines()).toEqual([
      "get_property = 1 ''",
      "get_property = 0 '\\x94\\x01\\x00\\x00\\x00\\x00\\x00\\x00'",
      "get_property = 0 '\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\x00'",
      "get_property = 0 'nginx'",
    ]);
  });

  test("of time: when the request came in nanoseconds, how long it took at its end", async () => {
    const plugin = await scripted([
      "request_headers get_property 'request\\0time' &s",
      "request_headers get_property 'request\\0duration' &s",
      "log get_property 'request\\0duration' &s",
    ]);
    const exchange = plugin.exchange();
    exchange.request();
    exchange.end();
    const [time, before, after] = plugin.takeLines();
    const ns = BigInt(Date.parse("2026-07-01T12:00:00Z")) * 1_000_000n;
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(ns);
    expect(unescaped(time!)).toEqual(bytes);
    expect(before).toBe("get_property = 1 ''");
    expect(unescaped(after!)).toHaveLength(8);
  });

  test("that a whole map is: its pairs", async () => {
    const plugin = await scripted([
      "request_headers get_property 'request\\0headers' &s",
      "request_headers get_header_map_pairs 0 &s",
    ]);
    plugin.exchange().request();
    const [property, map] = plugin.takeLines();
    expect(property?.slice(property.indexOf("'"))).toBe(map?.slice(map.indexOf("'")));
  });

  test.each([
    "",
    "nothing",
    "request",
    "request\\0nothing",
    "metadata\\0filter_metadata",
    "connection\\0tls_version",
    "\\xff",
  ])("%p is not found", async (path) => {
    expect(await linesOf([`get_property '${path}' &s`])).toEqual(["get_property = 1 ''"]);
  });

  test("that a guest sets are kept for its stream", async () => {
    const plugin = await scripted([
      "1/request_headers set_property 'my\\0note' 'text'",
      "response_headers get_property 'my\\0note' &s",
    ]);
    const [first, second] = [plugin.exchange(), plugin.exchange()];
    first.request();
    second.request();
    first.response();
    second.response();
    expect(plugin.takeLines()).toEqual([
      "set_property = 0",
      "get_property = 0 'text'",
      "get_property = 1 ''",
    ]);
  });

  test("cannot be set without a stream", async () => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 1",
      "1/tick set_property 'a' 'b'",
    ]);
    await plugin.untilLogged("set_property");
    plugin.guest.close();
    expect(plugin.takeLines()).toEqual(["set_property = 1"]);
  });

  test("cannot be set without end", async () => {
    const statuses = await linesOf(Array.from({ length: 66 }, (_, i) => `set_property 'p${i}' 'v'`));
    expect(statuses.slice(0, 64)).toEqual(Array(64).fill("set_property = 0"));
    expect(statuses.slice(64)).toEqual(Array(2).fill("set_property = 10"));
  });

  test("of the root know nothing of requests", async () => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 1",
      "1/tick get_property 'request\\0path' &s",
      "1/tick get_property 'plugin_vm_memory' &s",
    ]);
    plugin.exchange().request();
    await plugin.untilLogged("get_property = 0");
    plugin.guest.close();
    expect(plugin.takeLines().slice(0, 1)).toEqual(["get_property = 1 ''"]);
  });
});

describe("time and log", () => {
  test("the clock is the wall's, in nanoseconds", async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const [line] = await linesOf(["get_current_time_nanoseconds &L"]);
    const ns = BigInt(line!.split(" ").at(-1)!);
    expect(ns >= before && ns < before + 60_000_000_000n).toBe(true);
  });

  test("lines have their level and the correlation id of their exchange", async () => {
    const plugin = await scripted(
      [0, 1, 2, 3, 4, 5].map((level) => `request_headers log ${level} 'level ${level}'`),
    );
    plugin.exchange().request();
    const lines = plugin.log.lines.filter(({ fields }) => String(fields["text"]).startsWith("level"));
    expect(lines.map(({ level }) => level)).toEqual(["debug", "debug", "info", "warn", "error", "error"]);
    expect(new Set(lines.map(({ fields }) => fields["correlation_id"]))).toEqual(new Set(["id"]));
  });

  test("lines of the root have none", async () => {
    const plugin = await scripted([
      "configure log 2 'x'",
      "configure set_tick_period_milliseconds 1",
      "tick log 2 'of a tick'",
    ]);
    await plugin.untilLogged("of a tick");
    plugin.guest.close();
    const line = plugin.log.lines.find(({ fields }) => fields["text"] === "of a tick");
    expect(line?.fields).not.toHaveProperty("correlation_id");
  });

  test.each([
    [true, 1],
    [false, 2],
  ])("the level that is asked for, with debug lines wanted: %p", async (debugEnabled, level) => {
    expect(await linesOf(["get_log_level &"], { debugEnabled })).toEqual([`get_log_level = 0 ${level}`]);
  });

  test("long lines are cut", async () => {
    const plugin = await scripted([`request_headers log 2 '${"x".repeat(10_000)}'`]);
    plugin.exchange().request();
    const line = plugin.log.lines.find(({ fields }) => fields["cut_bytes"] !== undefined);
    expect(line?.fields["cut_bytes"]).toBe(10_000 - 8192);
  });
});

describe("what is not there", () => {
  test.each([
    ["call_foreign_function 'compress' 'x' 0 0", "call_foreign_function = 1"],
    ["grpc_call 'u' 's' 'm' [] '' 100 &", "grpc_call = 10 0"],
    ["grpc_stream 'u' 's' 'm' [] &", "grpc_stream = 10 0"],
    ["grpc_send 1 'x' 1", "grpc_send = 1"],
    ["grpc_cancel 1", "grpc_cancel = 1"],
    ["grpc_close 1", "grpc_close = 1"],
    ["redis_init 'u' 'n' 'p' 100", "redis_init = 12"],
    ["redis_call 'u' 'q' &", "redis_call = 12 0"],
    ["get_upstream_hosts &s", "get_upstream_hosts = 12 ''"],
    ["set_upstream_override_host 'x'", "set_upstream_override_host = 12"],
    ["clear_route_cache", "clear_route_cache = 0"],
    ["get_status & &s", "get_status = 0 0 ''"],
    ["vendor_novelty 1", "vendor_novelty = 10"],
  ])("%s", async (call, line) => {
    expect(await linesOf([call])).toEqual([line]);
  });

  test("a call of an unknown function is a warning that names it", async () => {
    const plugin = await scripted(["request_headers vendor_novelty 1"]);
    plugin.exchange().now(request());
    const warning = plugin.log.lines.find(({ level }) => level === "warn");
    expect(warning?.fields["function"]).toBe("proxy_vendor_novelty");
  });
});

/** The bytes behind the first quote of a logged line. */
function unescaped(line: string): Buffer {
  const text = line.slice(line.indexOf("'") + 1, -1);
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\") {
      bytes.push(Number.parseInt(text.slice(i + 2, i + 4), 16));
      i += 3;
    } else bytes.push(text.charCodeAt(i));
  }
  return Buffer.from(bytes);
}
