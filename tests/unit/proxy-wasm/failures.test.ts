/** Guests that trap, loop or lie: what it costs, and whom (docs/proxy-wasm.md 11). */

import { describe, expect, test } from "bun:test";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import {
  chunk,
  openPlugin,
  pluginPath,
  preparePlugin,
  scripted,
  wordsOf,
} from "../../support/proxy-wasm-plugin.ts";

const CALLBACKS = ["request_headers", "request_body", "response_headers", "response_body"] as const;

/** A whole exchange: the guest, and what each event came to. */
async function runExchange(script: readonly string[]) {
  const plugin = await scripted(script, { timeoutMs: 60 });
  const exchange = plugin.exchange();
  const words = [
    exchange.request({ "transfer-encoding": ["chunked"] }),
    exchange.now(chunk("x")),
    exchange.response(),
    exchange.now(chunk("x", { of: "response" })),
  ].map(wordsOf);
  exchange.end();
  return { plugin, words };
}

describe.each([
  ["traps", "trap", "guest-trap"],
  ["never ends", "loop", "guest-deadline"],
  ["calls itself without end", "recurse", "guest-stack-overflow"],
])("a guest that %s", (_what, command, code) => {
  test.each(CALLBACKS)("in %s: the event fails, and the instance is never called again", async (callback) => {
    const { plugin, words } = await runExchange([`${callback} ${command}`]);
    const failed = CALLBACKS.indexOf(callback);
    expect(words.slice(0, failed)).toEqual(Array(failed).fill("allow"));
    expect(words[failed]).toBe(code);
    expect(words.slice(failed + 1)).toEqual(Array(3 - failed).fill("exchange-lost"));
    expect(plugin.guest.isBroken).toBe(true);
    const calls = plugin.takeLines("debug");
    expect(calls.at(-1)).toMatch(new RegExp(`^${callback} `));
  });

  test.each(["done", "log", "delete"])(
    "in %s: nobody waits for it, the instance is lost",
    async (callback) => {
      // The trial stream of the first instance has a "delete" of its own.
      const line = callback === "delete" ? `2/delete ${command}` : `${callback} ${command}`;
      const plugin = await scripted([line], { timeoutMs: 60 });
      const exchange = plugin.exchange();
      expect(wordsOf(exchange.request())).toBe("allow");
      exchange.end();
      expect(plugin.guest.isBroken).toBe(true);
      expect(plugin.log.lines.some(({ fields }) => fields["code"] === code)).toBe(true);
    },
  );

  test("in create: the event fails", async () => {
    // After the root's context and that of the trial stream.
    const { plugin, words } = await runExchange([`3/create ${command}`]);
    expect(words).toEqual([code, "exchange-lost", "exchange-lost", "exchange-lost"]);
    expect(plugin.guest.isBroken).toBe(true);
  });
});

test("the failure of one stream is not that of the next instance", async () => {
  const bytes = await Bun.file(pluginPath("scripted-0.2.1")).bytes();
  const config = JSON.stringify({ plugin_configuration: "request_headers trap" });
  const broken = await openPlugin(bytes, config);
  expect(wordsOf(broken.exchange().request())).toBe("guest-trap");
  const next = await openPlugin(bytes, JSON.stringify({ plugin_configuration: "" }));
  expect(wordsOf(next.exchange().request())).toBe("allow");
});

test("a trap names the functions that the guest was in, where the module has names", async () => {
  const bytes = await assembleWat(
    "named",
    `(module
      (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      (func $inner (unreachable))
      (func $outer (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $inner) (i32.const 0)))`,
  );
  const plugin = await openPlugin(bytes, null);
  const outcome = plugin.exchange().request();
  expect((outcome as Error).message).toContain("inner < outer");
});

describe("a module that cannot be a filter", () => {
  const MARKER = '(func (export "proxy_abi_version_0_2_1"))';
  const MEMORY = '(memory (export "memory") 1)';
  const MALLOC = '(func (export "malloc") (param i32) (result i32) (i32.const 0))';

  test.each([
    ["without a version", `${MEMORY} ${MALLOC}`, "proxy_abi_version_"],
    [
      "of a version that does not exist",
      `${MEMORY} ${MALLOC} (func (export "proxy_abi_version_9_0_0"))`,
      "proxy_abi_version_9_0_0",
    ],
    ["without memory", `${MARKER} ${MALLOC}`, "memory"],
    ["without an allocator", `${MARKER} ${MEMORY}`, "proxy_on_memory_allocate"],
    ["with an allocator of another type", `${MARKER} ${MEMORY} (func (export "malloc"))`, "(i32) -> i32"],
  ])("%s is told what is missing", async (_what, body, named) => {
    const bytes = await assembleWat("broken", `(module ${body})`);
    const error = await preparePlugin(bytes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModuleError);
    expect((error as ModuleError).code).toBe("module-missing-export");
    expect((error as ModuleError).message).toContain(named);
  });

  test("with a callback of another type loads, and is warned that it is never called", async () => {
    const bytes = await assembleWat(
      "odd",
      `(module ${MARKER} ${MEMORY} ${MALLOC} (func (export "proxy_on_request_headers") (param i32 i32) (result i32) (unreachable)))`,
    );
    const { factory } = await preparePlugin(bytes);
    expect(factory.warnings.join()).toContain("proxy_on_request_headers");
    const plugin = await openPlugin(bytes, null);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
  });

  test("with imports that nobody knows loads, and the report names them", async () => {
    const bytes = await Bun.file(pluginPath("scripted-0.2.1")).bytes();
    const { factory } = await preparePlugin(bytes);
    expect(factory.warnings.join()).toContain('"proxy_vendor_novelty"');
    expect(factory.warnings.join()).not.toContain("redis");
  });
});

describe("the events that a module is called for", () => {
  test("are those it has callbacks for, and request headers always", async () => {
    const kinds = async (body: string) => {
      const bytes = await assembleWat(
        "kinds",
        `(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param i32) (result i32) (i32.const 0)) ${body})`,
      );
      return [...(await preparePlugin(bytes)).factory.handles].sort();
    };
    expect(await kinds("")).toEqual(["request-headers"]);
    expect(
      await kinds('(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))'),
    ).toEqual(["request-body-chunk", "request-headers"]);
    expect(await kinds('(func (export "proxy_on_log") (param i32))')).toEqual([
      "request-headers",
      "response-headers",
    ]);
    expect(
      await kinds('(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 0))'),
    ).toEqual(["request-headers", "response-body-chunk"]);
  });
});
