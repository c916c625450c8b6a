/** One function is imported behind the guest's own imports, so every index of a function with code moves. */

import { describe, expect, test } from "bun:test";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { limitGuest, thrownBy } from "./limited-guest.ts";
import { body, exported, functionType, i32, list, moduleOf } from "./module-bytes.ts";

const imports = { host: { ten: () => 10, five: () => 5 } };

const text = `(module
  (type $get (func (result i32)))
  (import "host" "ten" (func $ten (result i32)))
  (import "host" "five" (func $five (result i32)))
  (func $one (export "one") (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $three (result i32) (i32.const 3))
  (export "hostTen" (func $ten))
  (table $t (export "table") 8 funcref)
  (table $u (export "second") funcref (elem $three))
  (elem (table $t) (i32.const 0) func $one $ten)
  (elem (table $t) (i32.const 2) funcref (ref.func $two) (ref.null func) (item (ref.func $five)))
  (elem $passive func $three $two)
  (elem declare func $two)
  (global $reference (export "reference") funcref (ref.func $two))
  (global $started (export "started") (mut i32) (i32.const 0))
  (func $start (global.set $started (call $three)))
  (start $start)
  (func (export "direct") (result i32) (i32.add (call $ten) (i32.mul (i32.const 100) (call $two))))
  (func (export "indirect") (param i32) (result i32) (call_indirect $t (type $get) (local.get 0)))
  (func (export "tail") (result i32) (return_call $three))
  (func (export "byReference") (result i32)
    (table.set $t (i32.const 7) (ref.func $two)) (call_indirect $t (type $get) (i32.const 7)))
  (func (export "initialised") (result i32)
    (table.init $t $passive (i32.const 5) (i32.const 0) (i32.const 2)) (call_indirect $t (type $get) (i32.const 6))))`;

describe("a moved function is still found", () => {
  const guest = limitGuest(text, { imports });
  const results: Record<string, readonly [readonly number[], number]> = {
    one: [[], 1],
    hostTen: [[], 10],
    direct: [[], 210],
    tail: [[], 3],
    byReference: [[], 2],
    initialised: [[], 2],
  };
  for (const [name, [values, result]] of Object.entries(results)) {
    test(`by ${name}`, () => {
      expect(guest.call(name, ...values)).toBe(result);
    });
  }

  test("in elements of every form", () => {
    expect([0, 1, 2, 4].map((index) => guest.call("indirect", index))).toEqual([1, 10, 2, 5]);
    const second = guest.exports["second"] as WebAssembly.Table;
    expect((second.get(0) as () => number)()).toBe(3);
  });

  test("in a global's initial value and as the start function", () => {
    expect(((guest.exports["reference"] as WebAssembly.Global).value as () => number)()).toBe(2);
    expect((guest.exports["started"] as WebAssembly.Global).value).toBe(3);
  });
});

describe("a function has its name", () => {
  test("from the name section", () => {
    const { limited } = limitGuest(text, { imports });
    expect([0, 1, 2, 3, 4, 5].map((index) => limited.functionName(index))).toEqual([
      "ten",
      "five",
      undefined,
      "one",
      "two",
      "three",
    ]);
  });

  test("or else from its first export", () => {
    const { limited } = limitGuest(`(module (func (export "a") (export "b")) (func))`);
    expect([0, 1, 2].map((index) => limited.functionName(index))).toEqual([undefined, "a", undefined]);
  });

  test("and functions of the rewrite have none", () => {
    const { limited } = limitGuest(
      `(module (memory 1) (func $f (memory.fill (i32.const 0) (i32.const 0) (memory.size))))`,
    );
    expect([1, 2, 3, 4, 1e9].map((index) => limited.functionName(index))).toEqual([
      "f",
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("names of the rewrite are unlike those of the guest:", () => {
  test("the import", () => {
    const { limited } = limitGuest(
      `(module (import "sentinel:limit" "slice-end" (func (result i32))) (import "sentinel:limit:2" "x" (func)))`,
      { imports: { "sentinel:limit": { "slice-end": () => 7 }, "sentinel:limit:2": { x: () => {} } } },
    );
    expect(limited.sliceEndImport).toEqual({ module: "sentinel:limit:3", name: "slice-end" });
  });

  test("the exports", () => {
    const { limited, call } = limitGuest(
      `(module (func (export "sentinel:fuel") (result i32) (i32.const 42)))`,
    );
    expect(limited.fuelExport).toBe("sentinel:fuel:2");
    expect(call("sentinel:fuel")).toBe(42);
  });
});

test("a typed reference calls the function it names", () => {
  const bytes = moduleOf(
    list(1, functionType([], [i32])),
    list(3, [0], [0]),
    list(7, exported("two", 0), exported("run", 1)),
    list(10, body(0x41, 2), body(0xd2, 0, 0x14, 0)),
  );
  expect(limitGuest(bytes).call("run")).toBe(2);
});

describe("an index behind the guest's own names nothing of the rewrite:", () => {
  const uses: Record<string, string> = {
    "the fuel": `(module (global (mut i32) (i32.const 0)) (func (global.set 1 (i32.const 1))))`,
    "a helper": `(module (func (call 1)))`,
    "a helper in an element": `(module (table 1 funcref) (func) (elem (i32.const 0) func 1))`,
    "a helper as an export": `(module (func) (export "f" (func 1)))`,
    "a helper as the start function": `(module (func) (start 1))`,
    "the counter of a loop": `(module (func (loop $l (br_if $l (local.get 0)))))`,
    "a type": `(module (table 1 funcref) (func (call_indirect (type 1) (i32.const 0))))`,
  };
  for (const [name, text] of Object.entries(uses)) {
    test(name, () => {
      const error = thrownBy(() => limitGuest(text)) as ModuleError;
      expect(error).toBeInstanceOf(ModuleError);
      expect(error.code).toBe("module-invalid");
      expect(error.message).toMatch(/does not exist|is absent/);
    });
  }
});
