/** Which modules are http-wasm guests, what they lack, and how they start (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import { httpWasmAbi } from "../../../../src/abi/http-wasm/http-wasm-abi.ts";
import { jsonAbi } from "../../../../src/abi/json/json-abi.ts";
import { ABIS } from "../../../../src/abi/registry.ts";
import { ModuleError } from "../../../../src/wasm/module-error.ts";
import { guestPath } from "../../../guests/guest-path.ts";
import {
  abiOptions,
  type OpenOptions,
  loadHttpWasm,
  OpenHttpWasm,
} from "../../../support/http-wasm-exchange.ts";
import { type HttpWasmImport, httpWasmWat, wat } from "../../../support/http-wasm-wat.ts";

const PLAIN = httpWasmWat({});

async function refusalOf(source: string, options: OpenOptions = {}): Promise<ModuleError> {
  const outcome: unknown = await OpenHttpWasm.open(source, options).catch((error: unknown) => error);
  if (outcome instanceof ModuleError) return outcome;
  throw new Error("the module was not refused");
}

describe("a module is one", () => {
  const recognised = async (source: string | Uint8Array<ArrayBuffer>) => {
    const loaded = await loadHttpWasm(source);
    return ABIS.find((abi) => abi.recognises(loaded))?.name;
  };

  test("by its exports, also when it imports nothing", async () => {
    expect(await recognised(PLAIN)).toBe("http-wasm");
  });

  test("by its imports, also when its exports are incomplete", async () => {
    const source = '(module (import "http_handler" "log" (func (param i32 i32 i32))))';
    expect(await recognised(source)).toBe("http-wasm");
  });

  test("but not when it speaks the JSON ABI", async () => {
    const bytes = await Bun.file(guestPath("allow")).bytes();
    expect(await recognised(bytes)).toBe("json");
    expect(httpWasmAbi.recognises(await loadHttpWasm(bytes))).toBe(false);
    expect(jsonAbi.recognises(await loadHttpWasm(PLAIN))).toBe(false);
  });
});

describe("a module is refused with a sentence", () => {
  const MEMORY = '(memory (export "memory") 1)';
  const REQUEST = '(func (export "handle_request") (result i64) (i64.const 1))';
  const RESPONSE = '(func (export "handle_response") (param i32 i32))';

  test.each([
    ["no memory", `${REQUEST}${RESPONSE}`, "module-missing-export", "does not export its memory"],
    [
      "no handle_request",
      `${MEMORY}${RESPONSE}`,
      "module-missing-export",
      "`handle_request` of type () -> i64",
    ],
    [
      "no handle_response",
      `${MEMORY}${REQUEST}`,
      "module-missing-export",
      "`handle_response` of type (i32, i32) -> ()",
    ],
    [
      "handle_request of another type",
      `${MEMORY}${RESPONSE}(func (export "handle_request") (result i32) (i32.const 1))`,
      "module-wrong-signature",
      "`handle_request` as () -> i32; http-wasm says () -> i64",
    ],
    [
      "handle_response of another type",
      `${MEMORY}${REQUEST}(func (export "handle_response") (param i32))`,
      "module-wrong-signature",
      "`handle_response` as (i32) -> (); http-wasm says (i32, i32) -> ()",
    ],
    [
      "a handler that is no function",
      `${MEMORY}${REQUEST}(global (export "handle_response") i32 (i32.const 0))`,
      "module-wrong-signature",
      "`handle_response` as a global",
    ],
    [
      "a memory that is none",
      `${REQUEST}${RESPONSE}(global (export "memory") i32 (i32.const 0))`,
      "module-missing-export",
      "does not export its memory",
    ],
    [
      "an import that http-wasm does not have",
      `(import "http_handler" "get_trailers" (func))${MEMORY}${REQUEST}${RESPONSE}`,
      "module-missing-import",
      '"get_trailers" from "http_handler"',
    ],
    [
      "a packed import of another type",
      `(import "http_handler" "read_body" (func (param i32 i32 i32) (result i32)))${MEMORY}${REQUEST}${RESPONSE}`,
      "module-missing-import",
      "cannot be linked",
    ],
  ])("%s", async (_what, parts, code, words) => {
    const refusal = await refusalOf(`(module ${parts})`);
    expect(refusal.code).toBe(code as ModuleError["code"]);
    expect(refusal.message).toContain(words);
  });
});

describe("events that the guest handles", () => {
  const handled = async (...imports: HttpWasmImport[]) => [
    ...httpWasmAbi.prepare(await loadHttpWasm(httpWasmWat({ imports })), abiOptions()).handles,
  ];

  test("are headers alone where it has nothing to do with bodies", async () => {
    expect(await handled("enable_features", "set_header_value")).toEqual([
      "request-headers",
      "response-headers",
    ]);
  });

  test("are request bodies where it reads or writes any", async () => {
    expect(await handled("read_body")).toContain("request-body-chunk");
    expect(await handled("write_body")).toContain("request-body-chunk");
    expect(await handled("write_body")).not.toContain("response-body-chunk");
  });

  test("are response bodies where it can ask for them, too", async () => {
    expect(await handled("read_body", "enable_features")).toContain("response-body-chunk");
  });
});

describe("what cannot be carried is told at load", () => {
  const warnings = async (source: string, options: Partial<OpenOptions> = {}) =>
    httpWasmAbi.prepare(await loadHttpWasm(source), abiOptions(options)).warnings;

  test("for a changed request line, with what then happens", async () => {
    const source = httpWasmWat({ imports: ["set_uri", "set_method"] });
    const failing = await warnings(source);
    expect(failing).toHaveLength(2);
    expect(failing[0]).toMatch(/the URI of requests \(set_uri\).*fails/);
    expect(failing[1]).toMatch(/the method of requests \(set_method\).*fails/);
    expect((await warnings(source, { onUnsupported: "warn" }))[0]).toContain("goes on unchanged");
  });

  test("for bodies", async () => {
    const found = await warnings(httpWasmWat({ imports: ["read_body", "write_body"] }));
    expect(found).toHaveLength(2);
    expect(found[0]).toContain("inspect-first");
    expect(found[1]).toContain("request-body-mode stream");
  });

  test("for sockets, which some toolchains import", async () => {
    const source = PLAIN.replace(
      "(module",
      '(module (import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32)))',
    );
    expect(await warnings(source)).toEqual([expect.stringContaining("(sock_open)")]);
    expect((await OpenHttpWasm.open(source)).guest.isBroken).toBe(false);
  });

  test("and nothing else", async () => {
    expect(await warnings(PLAIN)).toEqual([]);
    expect(await warnings(httpWasmWat({ imports: ["set_header_value", "get_uri", "log"] }))).toEqual([]);
  });
});

describe("a guest starts", () => {
  const logging = (more: string) =>
    httpWasmWat({
      imports: ["log"],
      texts: { start: "start", init: "init", section: "section" },
      more,
    });
  const START = `(func (export "_start") ${wat.log("start")})`;
  const INITIALIZE = `(func (export "_initialize") ${wat.log("init")})`;

  test.each([
    ["with neither", "", []],
    ["by _start", START, ["start"]],
    ["by _initialize", INITIALIZE, ["init"]],
    ["by both, in this order", `${INITIALIZE}${START}`, ["start", "init"]],
    ["by its start section first", `(start $s)(func $s ${wat.log("section")})${START}`, ["section", "start"]],
  ])("%s", async (_how, more, lines) => {
    for (const limits of [true, false]) {
      expect((await OpenHttpWasm.open(logging(more), { limits })).lines).toEqual(lines);
    }
  });

  test.each([
    ["_start", "the module failed in _start"],
    ["_initialize", "the module failed in _initialize"],
  ])("and is refused when %s traps", async (name, words) => {
    const refusal = await refusalOf(httpWasmWat({ more: `(func (export "${name}") unreachable)` }));
    expect(refusal.code).toBe("module-start-failed");
    expect(refusal.message).toContain(words);
  });

  const exiting = (name: string, code: number) =>
    httpWasmWat({ more: `(func (export "${name}") (call $exit (i32.const ${code})))` }).replace(
      "(module",
      '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))',
    );

  test.each(["_start", "_initialize"])("and is refused when %s exits with 1", async (name) => {
    const refusal = await refusalOf(exiting(name, 1));
    expect(refusal.code).toBe("module-start-failed");
    expect(refusal.message).toContain("exit code 1");
  });

  test("and is told what to do when it exits with 0", async () => {
    const refusal = await refusalOf(exiting("_start", 0));
    expect(refusal.code).toBe("module-start-failed");
    expect(refusal.message).toContain("-buildmode=c-shared");
  });

  test("within the start deadline", async () => {
    const loop = "(loop $forever (br $forever))";
    for (const more of [`(func (export "_start") ${loop})`, `(start $s)(func $s ${loop})`]) {
      const refusal = await refusalOf(httpWasmWat({ more }), { startTimeoutMs: 50 });
      expect(refusal.code).toBe("module-start-deadline");
    }
  });

  test("with no more memory than the cap", async () => {
    const grow =
      '(func (export "_start") (drop (memory.grow (i32.const 4096))) (if (i32.gt_u (memory.size) (i32.const 1024)) (then unreachable)))';
    expect((await OpenHttpWasm.open(httpWasmWat({ more: grow }))).guest.isBroken).toBe(false);
  });

  test("without a request: what asks for one is refused", async () => {
    const more = '(func (export "_start") (drop (call $get_uri (i32.const 0) (i32.const 64))))';
    const refusal = await refusalOf(httpWasmWat({ imports: ["get_uri"], more }));
    expect(refusal.message).toContain("called get_uri while it starts");
  });
});

describe("a guest reads its configuration while it starts", () => {
  /** Logs what it was configured with, in its start section, and enables what the first byte says. */
  const source = httpWasmWat({
    imports: ["get_config", "log", "enable_features"],
    more: `(start $s) (func $s (local $length i32)
      (local.set $length (call $get_config (i32.const 256) (i32.const 1024)))
      (call $log (i32.const 0) (i32.const 256) (local.get $length))
      (drop (call $enable_features (i32.const 3))))`,
  });
  const linesWith = async (options: OpenOptions) => (await OpenHttpWasm.open(source, options)).lines;

  test("from the operator's file, byte for byte", async () => {
    const configuration = Uint8Array.from(Buffer.from('{ "a":  1 }\n'));
    expect(await linesWith({ configuration })).toEqual(['{ "a":  1 }\n']);
  });

  test("from the proxy's block, without the keys of the agent", async () => {
    const configJson =
      '{"fail-open":true,"secret":"open sesame","pool-size":4,"events":["request_headers"],"n":{"x":[1]}}';
    expect(await linesWith({ configJson })).toEqual(['{"secret":"open sesame","n":{"x":[1]}}']);
  });

  test("from the proxy's block rather than from the file, unless it has keys of the agent alone", async () => {
    const configuration = Uint8Array.from(Buffer.from("from the file"));
    expect(await linesWith({ configuration, configJson: '{"b":2}' })).toEqual(['{"b":2}']);
    expect(await linesWith({ configuration, configJson: '{"pool-size":2}' })).toEqual(["from the file"]);
  });

  test("as it is when the block is no object", async () => {
    expect(await linesWith({ configJson: '["a"]' })).toEqual(['["a"]']);
    expect(await linesWith({ configJson: "null" })).toEqual(["null"]);
  });

  test("which is empty without one, and when only the agent has keys", async () => {
    expect(await linesWith({})).toEqual([""]);
    expect(await linesWith({ configJson: '{"pool-size":4}' })).toEqual([""]);
  });

  test("and takes another one in another instance only", async () => {
    const { guest } = await OpenHttpWasm.open(source, { configJson: '{"a":1}' });
    expect(guest.configure('{"a":1}', 1000)).toBeNull();
    expect(guest.configure('{"a":1,"pool-size":2}', 1000)).toBeNull();
    expect(guest.configure('{"a":2}', 1000)?.code).toBe("guest-configuration-refused");
  });
});
