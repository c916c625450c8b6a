/** Exports that return a packed i64, called in two halves, so that the host never sees a BigInt. */

import { describe, expect, test } from "bun:test";
import { limitGuest } from "./limited-guest.ts";

const text = `(module
  (import "host" "far" (func $far (param i32 i32) (result i64)))
  (type $packed (func (param i32 i32) (result i64)))
  (func $pack (export "pack") (export "packAgain") (type $packed)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))
  (export "far" (func $far))
  (func (export "none") (result i64) (i64.const 0x700000008))
  (func (export "four") (param i32 i32 i32 i32) (result i64)
    (call $pack
      (i32.sub (local.get 0) (local.get 1))
      (i32.sub (local.get 2) (local.get 3))))
  (func (export "sixteen") (param ${"i32 ".repeat(16)}) (result i64) (call $pack (local.get 0) (local.get 15)))
  (func (export "seventeen") (param ${"i32 ".repeat(17)}) (result i64) (i64.const 1))
  (func (export "wide") (param i32 i64) (result i64) (i64.const 1))
  (func (export "float") (param i32 f32) (result i64) (i64.const 1))
  (func (export "narrow") (param i32 i32) (result i32) (i32.const 1))
  (func (export "pair") (param i32) (result i32 i64) (i32.const 1) (i64.const 1))
  (func (export "nothing") (param i32 i32))
  (global (export "global") i64 (i64.const 1))
  (func $unexported (param i32) (result i64) (i64.const 1)))`;

const imports = { host: { far: () => 0x1_0000_0002n } };

describe("a split export", () => {
  const guest = limitGuest(text, { imports });
  const low = guest.limited.splitLowExport ?? "";
  const high = (name: string): string => guest.limited.splitExports.get(name) ?? "";

  test("returns the high half and leaves the low half", () => {
    for (const [top, bottom] of [
      [0, 0],
      [1, 2],
      [0x7fffffff, -1],
      [-1, 0x7fffffff],
      [-2147483648, -2147483648],
    ] as const) {
      expect(guest.call(high("pack"), top, bottom)).toBe(top);
      expect(guest.call(low)).toBe(bottom);
    }
  });

  test.each([
    ["none", [], 7, 8],
    ["four", [10, 3, 20, 4], 7, 16],
    ["sixteen", [5, ...new Array<number>(14).fill(0), 6], 5, 6],
  ] as const)("takes all parameters of %s", (name, parameters, top, bottom) => {
    expect(guest.call(high(name), ...parameters)).toBe(top);
    expect(guest.call(low)).toBe(bottom);
  });

  test("may be a function of the host", () => {
    expect(guest.call(high("far"), 0, 0)).toBe(1);
    expect(guest.call(low)).toBe(2);
  });

  test("keeps its original", () => {
    expect(guest.call("pack", 1, 2)).toBe(0x1_0000_0002n);
  });

  test("is made for each function of up to sixteen i32 that returns one i64, and for no other", () => {
    expect([...guest.limited.splitExports.keys()]).toEqual([
      "pack",
      "packAgain",
      "far",
      "none",
      "four",
      "sixteen",
    ]);
  });

  test("shares its code with other exports of the same function", () => {
    const [first, second] = ["pack", "packAgain"].map((name) => guest.exports[high(name)]);
    expect(first).toBe(second as typeof first);
  });
});

test("a module without such exports gets none of it", () => {
  const { limited, exports } = limitGuest(
    `(module (func (export "f") (param i32)) (func (param i32) (result i64) (i64.const 1)))`,
  );
  expect(limited.splitExports.size).toBe(0);
  expect(limited.splitLowExport).toBeNull();
  expect(Object.keys(exports)).toEqual(["f", limited.fuelExport]);
});
