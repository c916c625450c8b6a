import { describe, expect, test } from "bun:test";
import { JSON_IMPORTS } from "../../../src/abi/json/json-imports.ts";
import { createHostImports } from "../../../src/wasm/imports/host-imports.ts";
import type { AbiImports } from "../../../src/wasm/imports/abi-imports.ts";
import type { ImportHost } from "../../../src/wasm/imports/import-host.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { compileWat, link, linkForwarder, newHost, thrownBy } from "./linked-guest.ts";

async function refusalOf(...imports: string[]): Promise<ModuleError> {
  const module = await compileWat(`(module ${imports.map((line) => `(import ${line})`).join("\n")})`);
  const thrown = thrownBy(() =>
    createHostImports(WebAssembly.Module.imports(module), newHost().host, JSON_IMPORTS),
  );
  expect(thrown).toBeInstanceOf(ModuleError);
  expect((thrown as ModuleError).code).toBe("module-missing-import");
  return thrown as ModuleError;
}

describe("what is given", () => {
  test("a module without imports gets none", () => {
    expect(Object.keys(createHostImports([], newHost().host, JSON_IMPORTS))).toEqual([]);
  });

  test("exactly what the module names, from every module it names", () => {
    const imports = createHostImports(
      [
        { module: "wasi_snapshot_preview1", name: "fd_write", kind: "function" },
        { module: "wasi_unstable", name: "proc_exit", kind: "function" },
        { module: "env", name: "abort", kind: "function" },
        { module: "env", name: "Math.PI", kind: "global" },
      ],
      newHost().host,
      JSON_IMPORTS,
    );
    expect(Object.keys(imports)).toEqual(["wasi_snapshot_preview1", "wasi_unstable", "env"]);
    expect(Object.keys(imports["wasi_snapshot_preview1"]!)).toEqual(["fd_write"]);
    expect(imports["env"]!["Math.PI"]).toBe(Math.PI);
  });

  test("every function of preview 1", () => {
    const names = [
      "args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get",
      "fd_advise fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights",
      "fd_filestat_get fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_get fd_prestat_dir_name",
      "fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync fd_tell fd_write path_create_directory",
      "path_filestat_get path_filestat_set_times path_link path_open path_readlink path_remove_directory",
      "path_rename path_symlink path_unlink_file poll_oneoff proc_raise sched_yield random_get",
      "sock_accept sock_recv sock_send sock_shutdown",
    ]
      .join(" ")
      .split(" ");
    const { host, log } = newHost();
    const descriptors = names.map((name) => ({
      module: "wasi_snapshot_preview1",
      name,
      kind: "function" as const,
    }));
    const functions = createHostImports(descriptors, host, JSON_IMPORTS)["wasi_snapshot_preview1"]!;
    for (const name of names) {
      // No memory is attached and no parameter given: each still answers with a number.
      expect(typeof (functions[name] as () => unknown)()).toBe("number");
    }
    expect(log.lines).toEqual([]);
  });

  test("an unknown function of WASI says so when it is called, once, and counts", async () => {
    const reported = new Set<string>();
    const types = { fd_teleport: "(param i32) (result i32)" };
    const guest = await linkForwarder("wasi_unstable", types, { reported });
    expect(guest.log.lines).toEqual([]);
    expect(guest.call("fd_teleport", 1)).toBe(52);
    expect(guest.call("fd_teleport", 1)).toBe(52);
    expect(guest.log.lines).toEqual([
      {
        level: "warn",
        message: "the guest called a WASI function this agent does not know; it was told ENOSYS",
        fields: { slot: 3, function: "wasi_unstable.fd_teleport" },
      },
    ]);
    expect(guest.refusals.get("fd_teleport")).toBe(2);

    const successor = await linkForwarder("wasi_unstable", types, { reported });
    expect(successor.call("fd_teleport", 1)).toBe(52);
    expect(successor.log.lines).toEqual([]);
  });

  test.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
    "the name %s is as unknown as any other",
    async (name) => {
      const guest = await linkForwarder("wasi_snapshot_preview1", { [name]: "(param i32) (result i32)" });
      expect(guest.call(name, 0)).toBe(52);
      const error = await refusalOf(`"env" "${name}" (func)`);
      expect(error.message).toStartWith(`the module imports the function "${name}" from "env"`);
      await refusalOf(`"${name}" "${name}" (func)`);
    },
  );

  test("a signature other than ours ends in a trap at worst, and in nothing else", async () => {
    const guest = link(
      await compileWat(`(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i64 f64) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (result i64)))
        (memory (export "memory") 1)
        (func (export "write") (result i32) (call $write (i64.const 1) (f64.const nan)))
        (func (export "random") (result i64) (call $random)))`),
    );
    expect(guest.call("write")).toBe(8);
    expect(thrownBy(() => guest.call("random"))).toBeInstanceOf(TypeError);
    expect(guest.host.fatal).toBeNull();
  });
});

describe("what an ABI gives", () => {
  const text = `(module
    (import "env" "number" (func $number (result i32)))
    (import "env" "number" (func $again (result i64)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_unstable" "sched_yield" (func $oldYield (result i32)))
    (import "env" "seven" (global $seven f64))
    (memory (export "memory") 1)
    (func (export "number") (result i32) (call $number))
    (func (export "yields") (result i32) (i32.add (call $yield) (i32.mul (i32.const 100) (call $oldYield))))
    (func (export "seven") (result i32) (i32.trunc_f64_s (global.get $seven))))`;

  function givingAbi(asked: string[] = []): AbiImports {
    return {
      summary: "what the test gives",
      functions: (module) => {
        asked.push(module);
        if (module === "env") return { number: () => 5 };
        return module === "wasi_snapshot_preview1" ? { sched_yield: () => 3 } : null;
      },
      globals: (module) => (module === "env" ? new Map([["seven", 7]]) : null),
    };
  }

  test("are functions and globals, and functions of WASI in place of the usual ones", async () => {
    const guest = link(await compileWat(text), { abi: givingAbi() });
    expect(guest.call("number")).toBe(5);
    expect(guest.call("yields")).toBe(3);
    expect(guest.call("seven")).toBe(7);
  });

  test("is made once for each instance, with what the instance's imports share", async () => {
    const asked: string[] = [];
    const module = await compileWat(text);
    const hosts = new Set<ImportHost>();
    const abi = givingAbi(asked);
    const watched: AbiImports = {
      ...abi,
      functions: (name, host) => {
        hosts.add(host);
        return abi.functions(name, host);
      },
    };
    const guests = [link(module, { abi: watched }), link(module, { abi: watched })];
    expect([...hosts]).toEqual(guests.map(({ host }) => host));
    const modules = ["env", "wasi_snapshot_preview1", "wasi_unstable"];
    expect(asked).toEqual([...modules, ...modules]);
  });

  test("is not AssemblyScript's env, unless the ABI says so", async () => {
    const module = await compileWat('(module (import "env" "abort" (func (param i32 i32 i32 i32))))');
    const descriptors = WebAssembly.Module.imports(module);
    expect(thrownBy(() => createHostImports(descriptors, newHost().host, givingAbi()))).toHaveProperty(
      "message",
      'the module imports the function "abort" from "env", which this agent does not provide; define it in the module, or drop what uses it: a linker that allows undefined symbols turns them into imports (provided are WASI preview 1 and what the test gives)',
    );
  });

  test.each(["__proto__", "constructor"])("has no %s", async (name) => {
    const descriptors = [{ module: "env", name, kind: "function" as const }];
    expect(thrownBy(() => createHostImports(descriptors, newHost().host, givingAbi()))).toHaveProperty(
      "code",
      "module-missing-import",
    );
  });
});

describe("extra imports", () => {
  const WAT = '(module (import "sentinel:limits" "slice_end" (func)) (memory (export "memory") 1))';

  test("are linked by module and name", async () => {
    let calls = 0;
    const module = await compileWat(
      '(module (import "sentinel:limits" "slice_end" (func $f (result i32))) (memory (export "memory") 1) (func (export "run") (result i32) (call $f)))',
    );
    const guest = link(module, {
      extra: [{ module: "sentinel:limits", name: "slice_end", value: () => ++calls }],
    });
    expect(guest.call("run")).toBe(1);
  });

  test("do not stand in for another name or another kind", async () => {
    const descriptors = WebAssembly.Module.imports(await compileWat(WAT));
    const value = new WebAssembly.Memory({ initial: 1 });
    for (const extra of [
      { module: "sentinel:limits", name: "slice_end", value },
      { module: "sentinel:limits", name: "other", value: () => 0 },
    ]) {
      expect(
        thrownBy(() => createHostImports(descriptors, newHost().host, JSON_IMPORTS, [extra])),
      ).toHaveProperty("code", "module-missing-import");
    }
  });
});

describe("what is missing is named with kind and advice", () => {
  const PROVIDED = "provided are WASI preview 1 and what AssemblyScript imports from env";

  test.each([
    [
      '"env" "memory" (memory 1)',
      'the module imports the memory "memory" from "env", which this agent does not provide; let the module define and export its own memory (without --import-memory or --importMemory)',
    ],
    [
      '"env" "table" (table 1 funcref)',
      'the module imports the table "table" from "env", which this agent does not provide; let the module define its own table (without --import-table or --importTable)',
    ],
    [
      '"env" "abort" (global i32)',
      `the module imports the global "abort" from "env", which this agent does not provide; remove what uses it (${PROVIDED})`,
    ],
    [
      '"env" "Math.PI" (func)',
      `the module imports the function "Math.PI" from "env", which this agent does not provide; define it in the module, or drop what uses it: a linker that allows undefined symbols turns them into imports (${PROVIDED})`,
    ],
    [
      '"wasi_snapshot_preview1" "fd_write" (global i32)',
      `the module imports the global "fd_write" from "wasi_snapshot_preview1", which this agent does not provide; remove what uses it (${PROVIDED})`,
    ],
    [
      '"host" "fetch" (func (param i32) (result i32))',
      `the module imports the function "fetch" from "host", which this agent does not provide; remove what uses it (${PROVIDED})`,
    ],
    [
      '"env" "proxy_log" (func)',
      'the module imports the function "proxy_log" from "env", which this agent does not provide; the module calls the functions of Proxy-Wasm; it is called by that ABI if it exports a proxy_abi_version_... function, or with --abi proxy-wasm',
    ],
    [
      '"wbg" "__wbindgen_throw" (func)',
      'the module imports the function "__wbindgen_throw" from "wbg", which this agent does not provide; build without wasm-bindgen: a plain cdylib for wasm32-unknown-unknown or wasm32-wasip1',
    ],
    [
      '"gojs" "runtime.ticks" (func)',
      'the module imports the function "runtime.ticks" from "gojs", which this agent does not provide; build with GOOS=wasip1 GOARCH=wasm and -buildmode=c-shared (TinyGo: -target=wasip1), not for the browser',
    ],
    [
      '"wasi:cli/environment@0.2.0" "get-environment" (func)',
      'the module imports the function "get-environment" from "wasi:cli/environment@0.2.0", which this agent does not provide; build a core module for WASI preview 1 (wasm32-wasip1), not a component',
    ],
    [
      '"env" "crypto.getRandomValuesN" (func)',
      'the module imports the function "crypto.getRandomValuesN" from "env", which this agent does not provide; use Math.random, or import random_get from wasi_snapshot_preview1',
    ],
  ])("%s", async (imported, message) => {
    expect((await refusalOf(imported)).message).toBe(message);
  });

  test("a tag is a kind, too", () => {
    const descriptors = [{ module: "env", name: "error", kind: "tag" as const }];
    expect(thrownBy(() => createHostImports(descriptors, newHost().host, JSON_IMPORTS))).toHaveProperty(
      "message",
      `the module imports the tag "error" from "env", which this agent does not provide; remove what uses it (${PROVIDED})`,
    );
  });

  test("several at once are listed together, the good ones left out", async () => {
    const error = await refusalOf(
      '"host" "a" (func)',
      '"env" "abort" (func (param i32 i32 i32 i32))',
      ...["b", "c", "d", "e", "f", "g"].map((name) => `"host" "${name}" (func)`),
    );
    expect(error.message).toBe(
      `the module imports the function "a" from "host", which this agent does not provide, and 6 more (function "b" from "host", function "c" from "host", function "d" from "host", function "e" from "host", function "f" from "host", ...); remove what uses it (${PROVIDED})`,
    );
  });

  test("names are escaped and cut", async () => {
    const error = await refusalOf(`"h\\1b[2J\\0a" "${"n".repeat(5000)}" (func)`);
    expect(error.message).toStartWith(
      `the module imports the function "${"n".repeat(128)}..." from "h\\u001b[2J\\n", which`,
    );
  });
});
