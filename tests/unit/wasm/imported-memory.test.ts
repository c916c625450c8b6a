/** Memories that a guest imports: made by the host, within the cap, and reached by the functions of the host. */

import { describe, expect, test } from "bun:test";
import type { AbiImports } from "../../../src/wasm/imports/abi-imports.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { loadGuest, type StartedGuest, type StartOptions, startGuest } from "./started-guest.ts";

const PAGE_BYTES = 65_536;
const WASI = "wasi_snapshot_preview1";

/** Gives every memory of the module `env`, with at least so many pages. */
function givingMemory(pages: number): AbiImports {
  return {
    summary: "memories",
    functions: () => null,
    memoryPages: (module) => (module === "env" ? pages : null),
  };
}

function start(text: string, maxPages: number, options: StartOptions = {}): Promise<StartedGuest> {
  return startGuest(text, { abi: givingMemory(0), maxMemoryBytes: maxPages * PAGE_BYTES, ...options });
}

async function refusalOf(starting: Promise<unknown>): Promise<ModuleError> {
  try {
    await starting;
  } catch (error) {
    if (error instanceof ModuleError) return error;
    throw error;
  }
  throw new Error("the guest started");
}

const pagesOf = ({ started }: StartedGuest): number =>
  (started.memory?.buffer.byteLength ?? Number.NaN) / PAGE_BYTES;

const growing = (limits: string): string => `(module (import "env" "memory" (memory ${limits}))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`;

describe("an imported memory", () => {
  test.each([
    ["no maximum", "2", 2, 8, false],
    ["a maximum above the cap", "2 100", 2, 8, false],
    ["a maximum below the cap", "2 5", 2, 5, false],
    ["a shared one", "1 100 shared", 1, 8, true],
  ])("with %s is described as it must be made", async (_what, limits, minPages, maxPages, isShared) => {
    const { importedMemories } = await loadGuest(growing(limits), { maxMemoryBytes: 8 * PAGE_BYTES });
    expect(importedMemories).toEqual([{ module: "env", name: "memory", minPages, maxPages, isShared }]);
  });

  test("has without limits the maximum that the guest declares, or none", async () => {
    const maxima = await Promise.all(
      ["2", "2 9"].map(async (limits) => {
        const loaded = await loadGuest(growing(limits), { limits: false });
        return loaded.importedMemories.map(({ maxPages }) => maxPages);
      }),
    );
    expect(maxima).toEqual([[null], [9]]);
    for (const limits of ["2", "2 9", "2 9 shared"]) {
      const guest = await startGuest(growing(limits), { limits: false, abi: givingMemory(0) });
      expect(guest.call("grow", 3)).toBe(2);
    }
  });

  test.each(["1", "1 100", "1 100 shared"])(
    "(memory %s) grows up to the cap and no further",
    async (limits) => {
      const guest = await start(growing(limits), 4);
      expect(guest.call("grow", 4)).toBe(-1);
      expect(guest.call("grow", 3)).toBe(1);
      expect(guest.call("grow", 1)).toBe(-1);
      expect(() => guest.started.memory?.grow(1)).toThrow(RangeError);
      expect(pagesOf(guest)).toBe(4);
    },
  );

  test("begins with as many pages as the ABI wants, within its maximum", async () => {
    const pages = async (wanted: number, limits: string, maxPages = 8) =>
      pagesOf(await start(growing(limits), maxPages, { abi: givingMemory(wanted) }));
    expect(await pages(5, "2")).toBe(5);
    expect(await pages(1, "2")).toBe(2);
    expect(await pages(5, "2 3")).toBe(3);
    expect(await pages(50, "2")).toBe(8);
  });

  test("counts toward the cap together with the guest's own", async () => {
    const text = `(module (import "env" "memory" (memory 2)) (memory $own 1)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "growOwn") (param i32) (result i32) (memory.grow $own (local.get 0))))`;
    const guest = await start(text, 6);
    expect(guest.call("growOwn", 4)).toBe(-1);
    expect(guest.call("growOwn", 2)).toBe(1);
    expect(guest.call("grow", 2)).toBe(-1);
    expect(guest.call("grow", 1)).toBe(2);
    expect(guest.call("growOwn", 1)).toBe(-1);
    const error = await refusalOf(start(text, 2));
    expect(error.code).toBe("module-memory-too-large");
  });

  test("that begins above the cap is refused", async () => {
    const error = await refusalOf(start(growing("5"), 4));
    expect(error.code).toBe("module-memory-too-large");
    expect(error.message).toStartWith(
      "The module begins with 327680 bytes of memory; at most 262144 are allowed.",
    );
  });

  test("with a maximum below its minimum is refused by the engine, as without limits", async () => {
    for (const limits of [true, false]) {
      const error = await refusalOf(loadGuest(growing("3 2"), { limits }));
      expect(error.code).toBe("module-invalid");
    }
  });

  test("is made anew for each instance", async () => {
    const loaded = growing("1");
    const [first, second] = [await start(loaded, 8), await start(loaded, 8)];
    first?.call("grow", 2);
    expect(pagesOf(second as StartedGuest)).toBe(1);
  });

  test("that the guest imports twice is one memory", async () => {
    const guest = await start(
      `(module (import "env" "memory" (memory 1)) (import "env" "memory" (memory $again 1))
        (func (export "sum") (result i32)
          (i32.store (i32.const 0) (i32.const 7))
          (i32.load $again (i32.const 0))))`,
      8,
    );
    expect(guest.call("sum")).toBe(7);
  });

  test("stands between other imports, which stay what they are", async () => {
    const abi: AbiImports = {
      ...givingMemory(1),
      functions: (module) => (module === "env" ? { five: () => 5, six: () => 6 } : null),
      globals: () => new Map([["seven", 7]]),
    };
    const guest = await start(
      `(module (import "env" "five" (func $five (result i32))) (import "env" "memory" (memory 1 3))
        (import "env" "seven" (global $seven i32)) (import "env" "six" (func $six (result i32)))
        (func (export "all") (result i32)
          (i32.add (i32.mul (call $five) (i32.const 100)) (i32.add (i32.mul (call $six) (i32.const 10)) (global.get $seven)))))`,
      8,
      { abi },
    );
    expect(guest.call("all")).toBe(567);
  });

  test("is missing where the ABI gives none", async () => {
    const error = await refusalOf(startGuest(growing("1")));
    expect(error.code).toBe("module-missing-import");
    expect(error.message).toStartWith('the module imports the memory "memory" from "env", which this agent');
  });
});

for (const limits of [true, false]) {
  describe(`functions of the host ${limits ? "with" : "without"} limits`, () => {
    const functions = `
      (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "${WASI}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
      (data (i32.const 0) "\\08\\00\\00\\00\\06\\00\\00\\00hello\\n")
      (func $start
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 24))))
      (func (export "ms") (result f64) (f64.div (f64.convert_i64_u (i64.load (i32.const 24))) (f64.const 1e6)))
      (start $start)`;

    test.each([
      ["is exported", '(export "memory" (memory 0))'],
      ["is not exported", ""],
    ])("reach an imported memory that %s, also in the start section", async (_what, exported) => {
      const text = functions.replace("(data", '(import "env" "memory" (memory 1)) (data');
      const guest = await start(`(module ${text} ${exported})`, 8, { limits });
      expect(guest.lines).toEqual(["hello"]);
      expect(Math.abs((guest.call("ms") as number) - Date.now())).toBeLessThan(60_000);
    });
  });
}
