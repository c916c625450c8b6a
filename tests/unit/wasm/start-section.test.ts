/** A start section runs when the host holds the guest's memory, so what it asks of the host works. */

import { describe, expect, test } from "bun:test";
import type { AbiImports } from "../../../src/wasm/imports/abi-imports.ts";
import type { ImportHost } from "../../../src/wasm/imports/import-host.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { body, custom, functionType, i32, list, moduleOf } from "../metering/module-bytes.ts";
import { loadGuest, type StartOptions, startGuest } from "./started-guest.ts";

const WASI = "wasi_snapshot_preview1";

async function refusalOf(starting: Promise<unknown>): Promise<ModuleError> {
  try {
    await starting;
  } catch (error) {
    if (error instanceof ModuleError) return error;
    throw error;
  }
  throw new Error("the guest started");
}

/** AssemblyScript's layout of a string: its length in bytes, then UTF-16. */
function utf16(text: string): string {
  const bytes = Buffer.alloc(4 + text.length * 2);
  bytes.writeUInt32LE(text.length * 2);
  bytes.write(text, 4, "utf16le");
  return [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}

for (const limits of [true, false]) {
  const start = (text: string, options: StartOptions = {}) => startGuest(text, { limits, ...options });

  describe(`a start section ${limits ? "with" : "without"} limits`, () => {
    test("writes to the log", async () => {
      const guest = await start(`(module
        (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\\08\\00\\00\\00\\06\\00\\00\\00hello\\n")
        (func $start (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
        (start $start))`);
      expect(guest.lines).toEqual(["hello"]);
    });

    test("reads the clock and gets randomness", async () => {
      const guest = await start(`(module
        (import "${WASI}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (import "${WASI}" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $errors (mut i32) (i32.const -1))
        (func $start (global.set $errors (i32.add
          (call $clock (i32.const 0) (i64.const 1) (i32.const 8))
          (call $random (i32.const 16) (i32.const 16)))))
        (start $start)
        (func (export "errors") (result i32) (global.get $errors))
        (func (export "ms") (result f64)
          (f64.div (f64.convert_i64_u (i64.load (i32.const 8))) (f64.const 1e6)))
        (func (export "random") (result i32) (i32.eqz (i64.eqz (i64.load (i32.const 16))))))`);
      expect(guest.call("errors")).toBe(0);
      expect(Math.abs((guest.call("ms") as number) - Date.now())).toBeLessThan(60_000);
      expect(guest.call("random")).toBe(1);
    });

    test("aborts with a message that can be read", async () => {
      const error = await refusalOf(
        start(`(module
          (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
          (memory (export "memory") 1)
          (data (i32.const 60) "${utf16("no table")}")
          (data (i32.const 124) "${utf16("lib.ts")}")
          (func $start (call $abort (i32.const 64) (i32.const 128) (i32.const 3) (i32.const 5)))
          (start $start))`),
      );
      expect(error.code).toBe("module-start-failed");
      expect(error.message).toBe(
        "the module failed in the start section: the guest aborted: no table (lib.ts:3:5)",
      );
      expect(error.cause).toHaveProperty("code", "guest-abort");
    });

    test("exits, also when the guest catches what comes of it", async () => {
      const error = await refusalOf(
        start(`(module
          (import "${WASI}" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func $start (try (do (call $exit (i32.const 3))) (catch_all)))
          (start $start))`),
      );
      expect(error.code).toBe("module-start-failed");
      expect(error.cause).toHaveProperty("code", "guest-exit");
    });

    test("runs once, before _initialize and behind the data segments", async () => {
      const guest = await start(`(module
        (memory (export "memory") 1)
        (data (i32.const 0) "\\07")
        (global $trace (mut i32) (i32.const 0))
        (func $note (param i32) (global.set $trace
          (i32.add (i32.mul (global.get $trace) (i32.const 10)) (local.get 0))))
        (func $start (call $note (i32.load8_u (i32.const 0))))
        (start $start)
        (func (export "_initialize") (call $note (i32.const 2)))
        (func (export "trace") (result i32) (global.get $trace)))`);
      expect(guest.call("trace")).toBe(72);
    });

    test("may be a function of the host", async () => {
      let calls = 0;
      const abi: AbiImports = {
        summary: "",
        functions: (module) => (module === "host" ? { go: () => calls++ } : null),
      };
      const text = '(module (import "host" "go" (func $go)) (start $go))';
      await start(text, { abi });
      expect(calls).toBe(1);
    });

    test("meets functions of the host that know the guest's exports", async () => {
      let exports: readonly string[] = [];
      const abi: AbiImports = {
        summary: "",
        functions: (_module: string, host: ImportHost) => ({
          look: () => {
            exports = Object.keys(host.exports);
            (host.exports["called"] as (value: number) => void)(5);
          },
        }),
      };
      const guest = await start(
        `(module (import "host" "look" (func $look)) (memory (export "memory") 1)
          (global $value (mut i32) (i32.const 0))
          (func (export "called") (param i32) (global.set $value (local.get 0)))
          (func (export "value") (result i32) (global.get $value))
          (func $start (call $look)) (start $start))`,
        { abi },
      );
      expect(exports).toContain("called");
      expect(guest.call("value")).toBe(5);
    });

    test("that traps is reported with the guest's own functions alone", async () => {
      const text = "(module (func $inner unreachable) (func $outer (call $inner)) (start $outer))";
      const error = await refusalOf(start(text));
      expect(error.code).toBe("module-start-failed");
      expect(error.message).toBe(
        "the module failed in the start section: the guest trapped in inner < outer (called the start section): Unreachable code should not be executed",
      );
    });

    test("that traps in a module without names is reported without a function that its author does not have", async () => {
      const bytes = moduleOf(list(1, functionType([], [])), list(3, [0]), [8, 1, 0], list(10, body(0x00)));
      const error = await refusalOf(startGuest(bytes, { limits }));
      expect(error.message).toMatch(/the guest trapped in function \d+ \(called the start section\)/);
    });

    test("of a wrong type is refused as by the engine", async () => {
      for (const type of [functionType([i32], []), functionType([], [i32])]) {
        const bytes = moduleOf(list(1, type), list(3, [0]), [8, 1, 0], list(10, body(0x00)));
        expect(WebAssembly.validate(bytes)).toBe(false);
        expect((await refusalOf(loadGuest(bytes, { limits }))).code).toBe("module-invalid");
      }
    });

    test("declares its function for no reference", async () => {
      const bytes = moduleOf(
        list(1, functionType([], [])),
        list(3, [0]),
        [8, 1, 0],
        list(10, body(0xd2, 0, 0x1a)),
      );
      expect(WebAssembly.validate(bytes)).toBe(false);
      expect((await refusalOf(loadGuest(bytes, { limits }))).code).toBe("module-invalid");
    });

    test("has an export of a name that the guest does not have", async () => {
      const guest = await start(`(module (func (export "sentinel:start") (result i32) (i32.const 4))
        (func $start) (start $start))`);
      expect(guest.loaded.startExport).toBe("sentinel:start:2");
      expect(guest.call("sentinel:start")).toBe(4);
    });
  });
}

test("a start section that does not end is stopped at the start's deadline", async () => {
  const error = await refusalOf(
    startGuest("(module (func $start (loop (br 0))) (start $start))", { startTimeoutMs: 50 }),
  );
  expect(error.code).toBe("module-start-deadline");
  expect(error.message).toStartWith("the module did not finish the start section within 50 ms;");
});

test("a start that returns too late is a missed deadline, though nothing had to stop it", async () => {
  const refusal = await refusalOf(
    startGuest("(module (func $start) (start $start))", { startTimeoutMs: 1e-6 }),
  );
  expect(refusal.code).toBe("module-start-deadline");
});

test("a module without a start section has no export for it, and without limits is left as it is", async () => {
  const text = '(module (func (export "f")))';
  expect((await loadGuest(text)).startExport).toBeNull();
  const loaded = await loadGuest(text, { limits: false });
  expect(loaded.startExport).toBeNull();
  expect(WebAssembly.Module.exports(loaded.module)).toEqual([{ name: "f", kind: "function" }]);
});

test("without limits all other sections stay, wherever they stood", async () => {
  const bytes = moduleOf(
    custom("first", [1]),
    list(1, functionType([], [])),
    list(3, [0]),
    custom("middle", [2]),
    [8, 1, 0],
    list(10, body()),
    custom(".debug_info", [3]),
  );
  const { module, startExport } = await loadGuest(bytes, { limits: false });
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual([startExport ?? ""]);
  for (const [title, content] of Object.entries({ first: 1, middle: 2, ".debug_info": 3 })) {
    const sections = WebAssembly.Module.customSections(module, title);
    expect(sections.map((section) => [...new Uint8Array(section)])).toEqual([[content]]);
  }
});
