/** Pointers, sizes and the guest's allocator: all of them hostile (docs/proxy-wasm.md 3). */

import { describe, expect, test } from "bun:test";
import { PluginState } from "../../../src/abi/proxy-wasm/plugin-state.ts";
import { PROXY_FUNCTIONS, STUB_FUNCTIONS } from "../../../src/abi/proxy-wasm/host-functions/known-names.ts";
import { hostFunctions } from "../../../src/abi/proxy-wasm/imports.ts";
import { EMPTY_CONFIGURATION } from "../../../src/abi/proxy-wasm/plugin-configuration.ts";
import { readAbiVersion } from "../../../src/abi/proxy-wasm/abi-version.ts";
import { makeGrantSettings, openGrants } from "../../../src/host/grants.ts";
import { GuestOutput } from "../../../src/wasm/imports/guest-output.ts";
import { ImportHost } from "../../../src/wasm/imports/import-host.ts";
import { scripted, wordsOf } from "../../support/proxy-wasm-plugin.ts";
import { silentLog } from "../../support/silent-log.ts";

const PAGE = 65_536;
const INVALID_MEMORY = 6;

/** p: a pointer with its size behind it; o: the address of a result of 4 bytes, O of 8; n: a plain number, i: 64 bits. */
const SHAPES: Readonly<Record<string, string>> = {
  proxy_log: "np",
  proxy_get_log_level: "o",
  proxy_get_current_time_nanoseconds: "O",
  proxy_get_buffer_bytes: "bnnoo",
  proxy_get_buffer_status: "boo",
  proxy_set_buffer_bytes: "nnnp",
  proxy_get_configuration: "oo",
  proxy_get_header_map_size: "no",
  proxy_get_header_map_pairs: "noo",
  proxy_set_header_map_pairs: "np",
  proxy_get_header_map_value: "np..",
  proxy_add_header_map_value: "npp",
  proxy_replace_header_map_value: "npp",
  proxy_remove_header_map_value: "np",
  proxy_send_local_response: "npppn",
  proxy_get_status: "ooo",
  proxy_get_property: "p..",
  proxy_set_property: "pp",
  proxy_get_shared_data: "p..o",
  proxy_set_shared_data: "ppn",
  proxy_register_shared_queue: "po",
  proxy_resolve_shared_queue: "ppo",
  proxy_enqueue_shared_queue: "np",
  proxy_dequeue_shared_queue: "noo",
  proxy_define_metric: "npo",
  proxy_get_metric: "nO",
  proxy_http_call: "ppppno",
  proxy_call_foreign_function: "p....",
};

/** Host functions over a memory of one page, called as a guest would call them. */
function makeHost() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const imports = new ImportHost({
    output: new GuestOutput({ log: silentLog(), slot: 0 }),
    log: silentLog(),
    slot: 0,
  });
  imports.exports = { memory };
  imports.memory.attach(memory);
  const state = new PluginState({
    imports,
    version: readAbiVersion(new Set(["proxy_abi_version_0_2_1"]))!,
    configuration: { ...EMPTY_CONFIGURATION, vm: Buffer.from("vm"), plugin: Buffer.from("plugin") },
    grants: openGrants(makeGrantSettings()),
    actions: { setTickPeriod: () => {}, registerQueue: () => 1, startCall: () => "not-granted" },
    warnOnce: () => {},
  });
  state.allocator = () => 1024;
  state.enter(null);
  const functions = hostFunctions(state) as Readonly<Record<string, (...parameters: unknown[]) => number>>;
  return { memory, state, functions };
}

/** Parameters in which the one at `position` of the shape lies at `at` with `size`; all others are valid. */
function parametersOf(shape: string, position: number, at: number, size: number): unknown[] {
  return [...shape].flatMap((letter, i): unknown[] => {
    const isBad = i === position;
    switch (letter) {
      case "p":
        return isBad ? [at, size] : [16, 0];
      case "o":
      case "O":
      case ".":
        return [isBad ? at : 32];
      case "b":
        return [7];
      default:
        return [0];
    }
  });
}

const CASES = Object.entries(SHAPES).flatMap(([name, shape]) =>
  [...shape].flatMap((letter, position) =>
    "poO".includes(letter) ? [[name, shape, position, letter] as const] : [],
  ),
);

test("each function that takes a pointer is tried", () => {
  const { functions } = makeHost();
  const tried = new Set(Object.keys(SHAPES));
  const without = [
    "proxy_set_tick_period_milliseconds",
    "proxy_continue_stream",
    "proxy_continue_request",
    "proxy_continue_response",
    "proxy_close_stream",
    "proxy_clear_route_cache",
    "proxy_set_effective_context",
    "proxy_done",
    "proxy_increment_metric",
    "proxy_record_metric",
    // Refused before anything is looked at.
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
  ];
  expect([...PROXY_FUNCTIONS].filter((name) => !tried.has(name)).sort()).toEqual(without.sort());
  const given = Object.keys(functions).filter((name) => name.startsWith("proxy_"));
  const listed = [...PROXY_FUNCTIONS, ...STUB_FUNCTIONS].filter((name) => name.startsWith("proxy_"));
  expect(given.sort()).toEqual(listed.sort());
});

describe.each(CASES)("%s (%s), parameter %d", (name, shape, position, letter) => {
  const size = letter === "O" ? 8 : 4;
  const bad: readonly (readonly [string, number, number])[] =
    letter === "p"
      ? [
          ["one past the end", PAGE - 3, 4],
          ["at the end with a byte", PAGE, 1],
          ["at the largest address", 0xffff_ffff, 1],
          ["at -1", -1, 1],
          ["with a size that wraps around", 16, 0xffff_ffff],
          ["with a size of -1", 16, -1],
        ]
      : [
          ["one past the end", PAGE - size + 1, 0],
          ["at the largest address", 0xffff_ffff, 0],
          ["at -1", -1, 0],
        ];

  test.each(bad)("%s is status 6, and nothing is written", (_what, at, bytes) => {
    const { memory, functions } = makeHost();
    const before = Buffer.from(memory.buffer.slice(0));
    expect(functions[name]!(...parametersOf(shape, position, at, bytes))).toBe(INVALID_MEMORY);
    expect(Buffer.from(memory.buffer).equals(before)).toBe(true);
  });

  test("the last valid address is taken", () => {
    const { functions } = makeHost();
    const at = letter === "p" ? PAGE - 2 : PAGE - size;
    expect(functions[name]!(...parametersOf(shape, position, at, 2))).not.toBe(INVALID_MEMORY);
  });
});

describe("numbers one past their range are status 2", () => {
  test.each([
    ["proxy_log", [6, 0, 0]],
    ["proxy_get_buffer_bytes", [10, 0, 1, 32, 36]],
    ["proxy_get_buffer_status", [10, 32, 36]],
    ["proxy_set_buffer_bytes", [10, 0, 0, 0, 0]],
    ["proxy_get_header_map_size", [8, 32]],
    ["proxy_get_header_map_pairs", [8, 32, 36]],
    ["proxy_set_header_map_pairs", [8, 0, 0]],
    ["proxy_get_header_map_value", [8, 0, 0, 32, 36]],
    ["proxy_add_header_map_value", [8, 0, 0, 0, 0]],
    ["proxy_replace_header_map_value", [8, 0, 0, 0, 0]],
    ["proxy_remove_header_map_value", [8, 0, 0]],
    ["proxy_continue_stream", [4]],
    ["proxy_close_stream", [4]],
    ["proxy_define_metric", [3, 0, 0, 32]],
  ] as const)("%s", (name, parameters) => {
    const { functions } = makeHost();
    expect(functions[name]!(...parameters)).toBe(2);
    const negative = [-1, ...parameters.slice(1)];
    expect(functions[name]!(...negative)).toBe(2);
  });

  test("a bad number counts before a bad pointer", () => {
    const { functions } = makeHost();
    expect(functions["proxy_get_header_map_value"]!(8, -1, -1, -1, -1)).toBe(2);
  });
});

describe("the allocator", () => {
  const READ = "request_headers get_header_map_value 0 ':path' &s";

  test.each([
    ["has nothing left", "z"],
    ["names memory that does not exist", "o"],
  ])("that %s is status 6, and the guest goes on", async (_what, mode) => {
    const plugin = await scripted([
      `request_headers allocator ${mode} 0`,
      READ,
      "request_headers allocator - 0",
      READ,
    ]);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
    expect(plugin.takeLines()).toEqual(["get_header_map_value = 6 ''", "get_header_map_value = 0 '/'"]);
  });

  test("that grows the memory gets the bytes where they are now", async () => {
    const plugin = await scripted([
      "request_headers allocator g 0",
      READ,
      "request_headers get_buffer_bytes 7 0 20 &s",
    ]);
    plugin.exchange().request();
    expect(plugin.takeLines()).toEqual([
      "get_header_map_value = 0 '/'",
      "get_buffer_bytes = 0 'request_headers allo'",
    ]);
  });

  test.each([
    ["traps", "t", "guest-trap"],
    ["never ends", "l", "guest-deadline"],
    ["calls a host function that it may not call", "f", "guest-forbidden-call"],
  ])("that %s costs the instance", async (_what, mode, code) => {
    const plugin = await scripted([`request_headers allocator ${mode} 0`, READ], { timeoutMs: 50 });
    expect(wordsOf(plugin.exchange().request())).toBe(code);
    expect(plugin.guest.isBroken).toBe(true);
  });

  test("is never asked for nothing", async () => {
    const plugin = await scripted([
      "request_headers allocator t 0",
      "request_headers get_buffer_bytes 6 0 -1 &s",
      "request_headers get_header_map_pairs 1 &s",
      "request_headers get_property 'request\\0query' &s",
    ]);
    expect(wordsOf(plugin.exchange().request())).toBe("allow");
    expect(plugin.takeLines()).toEqual([
      "get_buffer_bytes = 0 ''",
      "get_header_map_pairs = 0 ''",
      "get_property = 0 ''",
    ]);
  });

  test("is asked for exactly what it gets", async () => {
    const plugin = await scripted([
      "request_headers allocator z 4",
      "request_headers get_header_map_value 0 'x-four' &s",
      "request_headers get_header_map_value 0 'x-five' &s",
    ]);
    plugin.exchange().request({ "x-four": ["1234"], "x-five": ["12345"] });
    expect(plugin.takeLines()).toEqual(["get_header_map_value = 6 ''", "get_header_map_value = 0 '12345'"]);
  });
});

test("a guest whose memory grows between two host calls is read where it is now", async () => {
  const plugin = await scripted([
    "request_headers grow 100",
    "request_headers add_header_map_value 0 'x-a' '1'",
    "request_headers get_header_map_value 0 'x-a' &s",
  ]);
  expect(wordsOf(plugin.exchange().request())).toBe("allow");
  expect(plugin.takeLines()).toEqual(["add_header_map_value = 0", "get_header_map_value = 0 '1'"]);
});
