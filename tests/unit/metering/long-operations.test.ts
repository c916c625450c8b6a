/** Operations that take a length are charged by it, and long ones are interrupted; what they do stays the same. */

import { describe, expect, test } from "bun:test";
import { type LimitedGuest, limitGuest, thrownBy } from "./limited-guest.ts";

const mebibyte = 2 ** 20;

const text = `(module
  (memory (export "memory") 80)
  (memory $other (export "other") 40)
  (data $bytes "0123456789")
  (table $table (export "table") 1000 funcref)
  (elem $functions funcref (ref.func $f) (ref.func $f))
  (func $f)
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copyOver") (param i32 i32 i32) (memory.copy $other 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32) (memory.init $bytes (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tableFill") (param i32 i32) (table.fill $table (local.get 0) (ref.func $f) (local.get 1)))
  (func (export "tableCopy") (param i32 i32 i32) (table.copy $table $table (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tableInit") (param i32 i32 i32) (table.init $table $functions (local.get 0) (local.get 1) (local.get 2)))
  (func (export "short") (memory.fill (i32.const 8) (i32.const 1) (i32.const 64))))`;

function start(fuelPerSlice = 1000): { guest: LimitedGuest; bytes: Uint8Array; slices: () => number } {
  let slices = 0;
  const guest = limitGuest(text, {
    fuelPerSlice,
    sliceEnd: () => {
      slices++;
      return 0;
    },
    maxMemoryBytes: 128 * 65536,
  });
  const bytes = new Uint8Array((guest.exports["memory"] as WebAssembly.Memory).buffer);
  return { guest, bytes, slices: () => slices };
}

describe("charged by length:", () => {
  const calls: Record<string, readonly number[]> = {
    fill: [0, 0, mebibyte],
    copy: [0, mebibyte, mebibyte],
    copyOver: [0, 0, mebibyte],
    tableFill: [0, 1000],
    tableCopy: [0, 0, 1000],
  };
  for (const [name, values] of Object.entries(calls)) {
    test(name, () => {
      const { guest, slices } = start(900);
      guest.call(name, ...values);
      expect(slices()).toBeGreaterThan(0);
    });
  }

  test("short fills of a constant length cost no call", () => {
    const { guest, bytes } = start();
    guest.call("short");
    expect(bytes.indexOf(1)).toBe(8);
    expect(bytes.lastIndexOf(1)).toBe(71);
  });
});

test("a fill over many pieces stops when its slices are refused", () => {
  let asked = 0;
  const guest = limitGuest(text, {
    fuelPerSlice: 1000,
    sliceEnd: () => (++asked > 2 ? 1 : 0),
    maxMemoryBytes: 128 * 65536,
  });
  const bytes = new Uint8Array((guest.exports["memory"] as WebAssembly.Memory).buffer);
  expect(thrownBy(() => guest.call("fill", 0, 7, 5 * mebibyte))).toBeInstanceOf(WebAssembly.RuntimeError);
  expect(bytes.lastIndexOf(7)).toBe(2 * mebibyte - 1);
});

describe("in pieces as at once:", () => {
  const lengths = [mebibyte, mebibyte + 1, 3 * mebibyte + 5, 4 * mebibyte];

  test("a fill", () => {
    for (const length of lengths) {
      const { guest, bytes } = start();
      guest.call("fill", 3, 0x1ff, length);
      const expected = new Uint8Array(bytes.length).fill(0xff, 3, 3 + length);
      expect(Bun.hash(bytes)).toBe(Bun.hash(expected));
    }
  });

  for (const distance of [-1_500_000, -7, 0, 7, 400_000]) {
    test(`a copy onto itself, ${distance} bytes on`, () => {
      for (const length of lengths.slice(0, 3)) {
        const { guest, bytes } = start();
        for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7) ^ (i >>> 9);
        const expected = bytes.slice();
        expected.copyWithin(1_600_000 + distance, 1_600_000, 1_600_000 + length);
        guest.call("copy", 1_600_000 + distance, 1_600_000, length);
        expect(Bun.hash(bytes)).toBe(Bun.hash(expected));
      }
    });
  }

  test("a copy to another memory", () => {
    const { guest, bytes } = start();
    for (let i = 0; i < bytes.length; i++) bytes[i] = i >>> 5;
    guest.call("copyOver", 10, 20, 2 * mebibyte);
    const other = new Uint8Array((guest.exports["other"] as WebAssembly.Memory).buffer);
    expect(Bun.hash(other.subarray(10, 10 + 2 * mebibyte))).toBe(
      Bun.hash(bytes.subarray(20, 20 + 2 * mebibyte)),
    );
  });

  test("what leaves the memory traps before it writes anything", () => {
    const { guest, bytes } = start();
    for (const [name, ...values] of [
      ["fill", 3 * mebibyte, 1, 3 * mebibyte],
      ["fill", 0, 1, -1],
      ["fill", -1, 1, 2 * mebibyte],
      ["copy", 3 * mebibyte, 0, 3 * mebibyte],
      ["copy", 0, 3 * mebibyte, 3 * mebibyte],
      ["copyOver", 0, 0, 3 * mebibyte],
      ["init", 0, 5, 6],
      ["init", 0, 0, -1],
      ["tableFill", 1, 1000],
      ["tableFill", 0, -1],
      ["tableCopy", 1, 0, 1000],
      ["tableInit", 0, 1, 2],
    ] as const) {
      expect(thrownBy(() => guest.call(name, ...values)).message).toMatch(/^Out of bounds/);
    }
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("the end of the memory can be reached exactly", () => {
    const { guest, bytes } = start();
    guest.call("fill", 5 * mebibyte - 1_500_000, 9, 1_500_000);
    expect(bytes.indexOf(9)).toBe(5 * mebibyte - 1_500_000);
    expect(bytes.at(-1)).toBe(9);
  });
});

describe("an atomic wait does not wait:", () => {
  const waits = `(module (memory (export "memory") 1 1 shared)
    (func (export "wait32") (param i32 i32 i64) (result i32) (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait64") (param i32 i64 i64) (result i32) (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1))))`;

  test("it times out at once, or finds another value", () => {
    const guest = limitGuest(waits);
    expect(guest.call("wait32", 0, 0, -1n)).toBe(2);
    expect(guest.call("wait32", 0, 1, -1n)).toBe(1);
    expect(guest.call("wait64", 8, 0n, 1_000_000_000_000n)).toBe(2);
    expect(guest.call("wait64", 8, 1n, -1n)).toBe(1);
    expect(guest.call("notify", 0, 1)).toBe(0);
  });

  test("it still traps out of bounds and unaligned", () => {
    const guest = limitGuest(waits);
    expect(thrownBy(() => guest.call("wait32", 65536, 0, 0n)).message).toMatch(/^Out of bounds/);
    expect(thrownBy(() => guest.call("wait32", 1, 0, 0n))).toBeInstanceOf(WebAssembly.RuntimeError);
  });
});
