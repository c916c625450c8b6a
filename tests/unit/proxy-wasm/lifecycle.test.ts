/** What is called when, from the start of an instance to the end of its last stream (docs/proxy-wasm.md 2 and 4). */

import { describe, expect, test } from "bun:test";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import {
  openPlugin,
  Plugin,
  pluginPath,
  preparePlugin,
  request,
  scripted,
  wordsOf,
} from "../../support/proxy-wasm-plugin.ts";

/** A guest that logs the letter of each function that is called. */
function tracing(functions: string): Promise<Uint8Array<ArrayBuffer>> {
  return assembleWat(
    "tracing",
    `(module
      (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "abcdefghijklmnopqrstuvwxyz")
      (func $say (param i32) (drop (call $log (i32.const 2) (local.get 0) (i32.const 1))))
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      ${functions})`,
  );
}

/** Letters of what was called, in order. */
async function trace(functions: string): Promise<string> {
  const { factory } = await preparePlugin(await tracing(functions));
  const configJson = JSON.stringify({ vm_configuration: "vm" });
  const plugin = new Plugin(factory, {}, configJson);
  plugin.guest.configure(configJson, 1000);
  const exchange = plugin.exchange();
  exchange.request();
  exchange.end();
  return plugin.takeLines().join("");
}

const SAY = (letter: string) => `(call $say (i32.const ${letter.charCodeAt(0) - 97}))`;
const LIFE = `
  (func (export "proxy_on_context_create") (param i32 i32) ${SAY("c")})
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) ${SAY("v")} (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) ${SAY("f")} (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${SAY("r")} (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) ${SAY("d")} (i32.const 1))
  (func (export "proxy_on_log") (param i32) ${SAY("l")})
  (func (export "proxy_on_delete") (param i32) ${SAY("x")})`;
/** The trial stream of a module's first instance: created and deleted. */
const TRIAL = "cx";
const REST = `cvf${TRIAL}crdlx`;

describe("the start", () => {
  test("of a reactor: _initialize, then main", async () => {
    const start = `(func (export "_initialize") ${SAY("i")}) (func (export "main") (param i32 i32) (result i32) ${SAY("m")} (i32.const 0))
      (func (export "_start") ${SAY("s")})`;
    expect(await trace(start + LIFE)).toBe(`im${REST}`);
  });

  test("of a reactor without main: _initialize, then __main_void", async () => {
    const start = `(func (export "_initialize") ${SAY("i")}) (func (export "__main_void") (result i32) ${SAY("m")} (i32.const 0))`;
    expect(await trace(start + LIFE)).toBe(`im${REST}`);
  });

  test("of a command: _start", async () => {
    const start = `(func (export "_start") ${SAY("s")}) (func (export "main") (param i32 i32) (result i32) ${SAY("m")} (i32.const 0))`;
    expect(await trace(start + LIFE)).toBe(`s${REST}`);
  });

  test("of a module without any of them", async () => {
    expect(await trace(LIFE)).toBe(REST);
  });

  test("that exits with 0 has ended well", async () => {
    const bytes = await assembleWat(
      "exit",
      `(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "_start") (call $exit (i32.const 0)) (unreachable)))`,
    );
    const plugin = await openPlugin(bytes, null);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
  });

  test.each([
    ["traps", "(unreachable)"],
    ["calls a host function of callbacks", `(drop (call $continue (i32.const 0)))`],
  ])("that %s is an error", async (_what, body) => {
    const bytes = await assembleWat(
      "start",
      `(module
        (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "_initialize") ${body}))`,
    );
    const error = await openPlugin(bytes, null).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModuleError);
    expect((error as ModuleError).code).toBe("module-start-failed");
  });
});

describe("the configuration", () => {
  test.each(["vm_start", "configure"])("is refused by 0 from %s", async (callback) => {
    const refusal = await scripted([`${callback} return 0`], {
      configuration: { vm_configuration: `${callback} return 0` },
    }).catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({ code: "guest-configuration-refused" });
  });

  test("of the VM and of the plugin are told apart, with their sizes", async () => {
    const plugin = await scripted(["request_headers get_buffer_bytes 6 0 -1 &s"], {
      configuration: { vm_configuration: "for the VM" },
    });
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual(["get_buffer_bytes = 0 'for the VM'"]);
  });

  test.each([
    ["a text", '"plain"', "plain"],
    ["an object, as it was written", '{ "a":1 }', '{ "a":1 }'],
    ["an empty object", "{}", "{}"],
    ["the rest of an object with a key of its own", '{"vm_configuration":"v","a":1}', '{"a":1}'],
    ["nothing beside such a key", '{"vm_configuration":"v"}', ""],
    ["the value of its own key", '{"plugin_configuration":{"b":2},"pool-size":4}', '{"b":2}'],
    ["null", "null", ""],
    ["a list", "[1]", "[1]"],
  ])("may be %s", async (_what, json, text) => {
    const bytes = await Bun.file(pluginPath("scripted-0.2.1")).bytes();
    const { factory } = await preparePlugin(bytes);
    const plugin = new Plugin(factory, {}, json);
    plugin.guest.configure(json, 1000);
    expect(plugin.takeLines("debug")).toContain(`configure 1 ${Buffer.byteLength(text)}`);
  });

  test.each([0, 1, 60_000, 1024 * 1024])("of %d bytes is read from any place", async (size) => {
    const text = "x".repeat(size);
    const plugin = await scripted(
      [
        "request_headers get_buffer_status 6 & &",
        `request_headers get_buffer_bytes 6 ${Math.max(0, size - 3)} 3 &s`,
        `request_headers get_buffer_bytes 6 ${size} 3 &s`,
        `request_headers get_buffer_bytes 6 ${size + 1} 3 &s`,
      ],
      { configuration: { vm_configuration: text } },
    );
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual([
      `get_buffer_status = 0 ${size} 0`,
      `get_buffer_bytes = 0 '${"x".repeat(Math.min(size, 3))}'`,
      "get_buffer_bytes = 0 ''",
      "get_buffer_bytes = 0 ''",
    ]);
  });

  test("names are properties", async () => {
    const names = ["plugin_name", "plugin_root_id", "plugin_vm_id"];
    const plugin = await scripted(
      names.map((name) => `request_headers get_property '${name}' &s`),
      { configuration: { plugin_name: "waf", plugin_root_id: "root", vm_id: "vm" } },
    );
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual(["waf", "root", "vm"].map((value) => `get_property = 0 '${value}'`));
  });

  test("that comes later starts the guest anew, as if there had been none before", async () => {
    const plugin = await scripted([]);
    expect(plugin.guest.configure('{"plugin_configuration":"later"}', 1000)).toBeNull();
    expect(plugin.takeLines("debug")).toEqual(["create 1 0", "vm_start 1 0", "configure 1 5"]);
  });

  test("that comes while the guest serves is handed to it", async () => {
    const plugin = await scripted([]);
    plugin.exchange().request();
    plugin.takeLines();
    expect(plugin.guest.configure('{"plugin_configuration":"later"}', 1000)).toBeNull();
    expect(plugin.takeLines("debug")).toEqual(["configure 1 5"]);
  });

  test("of 0.1.0 is read by a function of its own", async () => {
    const plugin = await scripted(["request_headers get_configuration &s"], {
      version: "0.1.0",
      configuration: { vm_configuration: "for the VM" },
    });
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual(["get_configuration = 0 'request_headers get_configuration &s'"]);
  });

  test("that a guest cannot do without: its events fail, and it starts when there is one", async () => {
    const bytes = await Bun.file(pluginPath("mask-body-rust")).bytes();
    const plugin = await openPlugin(bytes, null);
    expect(wordsOf(plugin.exchange().request())).toBe("guest-configuration-refused");
    expect(plugin.guest.isBroken).toBe(false);
    const { factory } = await preparePlugin(bytes);
    const waiting = new Plugin(factory, {}, null);
    expect(waiting.guest.configure('"secret"', 1000)).toBeNull();
    expect(wordsOf(waiting.exchange().request())).toBe("allow");
  });
});

describe("the life of a stream", () => {
  test("has all callbacks with one id, and ends with done, log, delete", async () => {
    const plugin = await scripted([]);
    const exchange = plugin.exchange();
    exchange.request();
    exchange.response();
    exchange.end();
    expect(plugin.takeLines("debug")).toEqual([
      "create 3 1",
      "request_headers 3 4 1",
      "response_headers 3 2 0",
      "done 3",
      "log 3",
      "delete 3",
    ]);
  });

  test("without any event has no callbacks at all", async () => {
    const plugin = await scripted([]);
    plugin.exchange().end();
    expect(plugin.takeLines("debug")).toEqual([]);
  });

  test("0.1.0: header callbacks have two parameters", async () => {
    const plugin = await scripted([], { version: "0.1.0" });
    const exchange = plugin.exchange();
    exchange.request();
    exchange.response();
    expect(plugin.takeLines("debug")).toEqual(["create 3 1", "request_headers 3 4", "response_headers 3 2"]);
  });

  test("log and delete wait for proxy_done when the guest is not done", async () => {
    const plugin = await scripted([
      "configure set_tick_period_milliseconds 2",
      "done return 0",
      "1/tick set_effective_context 3",
      "1/tick done",
      "2/tick set_effective_context 3",
    ]);
    const exchange = plugin.exchange();
    exchange.request();
    exchange.end();
    expect(plugin.takeLines("debug").at(-1)).toBe("done 3");
    await plugin.untilLogged("delete 3");
    await plugin.untilLogged("tick 1");
    const calls = plugin.log.lines.map(({ fields }) => String(fields["text"]));
    expect(calls.indexOf("log 3")).toBeGreaterThan(calls.indexOf("done = 0"));
    plugin.guest.close();
  });

  test.each(["request_headers", "log", "configure"])("proxy_done in %s is status 1", async (callback) => {
    const plugin = await scripted([`${callback} done`]);
    const exchange = plugin.exchange();
    exchange.request();
    exchange.end();
    if (callback === "configure") plugin.guest.configure('{"plugin_configuration":"configure done"}', 1000);
    expect(plugin.takeLines()).toEqual(["done = 1"]);
  });

  test("streams whose guest is never done are bounded", async () => {
    const plugin = await scripted(["done return 0"]);
    for (let i = 0; i < 300; i++) {
      const exchange = plugin.exchange();
      exchange.request();
      exchange.end();
    }
    const deleted = plugin.takeLines("debug").filter((line) => line.startsWith("delete"));
    expect(deleted).toHaveLength(300 - 256);
    expect(deleted[0]).toBe("delete 3");
  });

  test("context ids do not repeat, whatever many streams there were", async () => {
    const plugin = await scripted(["request_headers set_effective_context @0"], { debugEnabled: false });
    const live = plugin.exchange();
    live.request();
    for (let i = 0; i < 2 ** 16 + 10; i++) {
      const exchange = plugin.exchange();
      exchange.request();
      exchange.end();
      if (i % 1000 === 0) plugin.log.lines.length = 0;
    }
    expect(plugin.guest.isBroken).toBe(false);
    expect(wordsOf(live.response())).toBe("allow");
  }, 60_000);

  test("10,000 requests leave memory and contexts where they were", async () => {
    const bytes = await Bun.file(pluginPath("add-header-rust")).bytes();
    const plugin = await openPlugin(bytes, null);
    const one = () => {
      const exchange = plugin.exchange();
      exchange.now(request({ "x-a": ["1"] }));
      exchange.response();
      exchange.end();
    };
    for (let i = 0; i < 100; i++) one();
    const before = plugin.guest.memoryBytes;
    for (let i = 0; i < 10_000; i++) one();
    expect(plugin.guest.memoryBytes).toBe(before);
  });
});

describe("a module without HTTP", () => {
  const rootOnly = `(func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1) (then (unreachable))))
    (func (export "proxy_on_tick") (param i32))`;

  test("is told so once, its requests pass, and its root goes on", async () => {
    const plugin = await openPlugin(await tracing(rootOnly), null);
    const exchange = plugin.exchange();
    expect(wordsOf(exchange.request())).toBe("allow");
    expect(wordsOf(exchange.response())).toBe("allow");
    exchange.end();
    expect(plugin.guest.isBroken).toBe(false);
  });

  test("the log says why", async () => {
    const { factory } = await preparePlugin(await tracing(rootOnly));
    const first = new Plugin(factory, {}, null);
    expect(first.warnings().join()).toContain("serves no HTTP");
    const second = new Plugin(factory, {}, null);
    expect(second.warnings()).toEqual([]);
  });
});
