/** Twins of exports that return a packed i64, so that the host never sees a BigInt. */

import { describe, expect, test } from "bun:test";
import { limitGuest } from "./limited-guest.ts";

const text = `(module
  (import "host" "far" (func $far (param i32 i32) (result i64)))
  (type $packed (func (param i32 i32) (result i64)))
  (func (export "pack") (type $packed)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))
  (export "far" (func $far))
  (func (export "other") (param i32) (result i64) (i64.const 1))
  (global (export "global") i64 (i64.const 1)))`;

const imports = { host: { far: () => 0x1_0000_0002n } };

describe("a split export", () => {
  const guest = limitGuest(text, {
    imports,
    splitResults: ["pack", "pack", "far", "other", "global", "absent"],
  });
  const low = guest.limited.splitLowExport ?? "";
  const twin = (name: string): string => guest.limited.splitExports.get(name) ?? "";

  test("returns the high half and leaves the low half", () => {
    for (const [high, bottom] of [
      [0, 0],
      [1, 2],
      [0x7fffffff, -1],
      [-1, 0x7fffffff],
      [-2147483648, -2147483648],
    ] as const) {
      expect(guest.call(twin("pack"), high, bottom)).toBe(high);
      expect(guest.call(low)).toBe(bottom);
    }
  });

  test("may be a function of the host", () => {
    expect(guest.call(twin("far"), 0, 0)).toBe(1);
    expect(guest.call(low)).toBe(2);
  });

  test("keeps its original", () => {
    expect(guest.call("pack", 1, 2)).toBe(0x1_0000_0002n);
  });

  test("is made only for functions (i32, i32) -> i64", () => {
    expect([...guest.limited.splitExports.keys()]).toEqual(["pack", "far"]);
  });
});

test("without any, nothing is exported for them", () => {
  const { limited } = limitGuest(text, { imports, splitResults: ["absent"] });
  expect(limited.splitExports.size).toBe(0);
  expect(limited.splitLowExport).toBeNull();
});
