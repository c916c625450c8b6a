/** Memories and tables cannot grow beyond their caps, together. */

import { describe, expect, test } from "bun:test";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { assemble, type LimitedGuest, limitGuest, thrownBy } from "./limited-guest.ts";

const page = 65536;

function refusal(text: string, settings = {}): ModuleError {
  const error = thrownBy(() => limitGuest(text, settings));
  expect(error).toBeInstanceOf(ModuleError);
  return error as ModuleError;
}

describe("a memory grows", () => {
  const text = `(module (memory (export "memory") 2)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size)))`;

  test("up to the cap and no further", () => {
    const guest = limitGuest(text, { maxMemoryBytes: 5 * page });
    expect(guest.call("grow", 2)).toBe(2);
    expect(guest.call("grow", 2)).toBe(-1);
    expect(guest.call("grow", 1)).toBe(4);
    expect(guest.call("grow", 1)).toBe(-1);
    expect(guest.call("grow", -1)).toBe(-1);
    expect(guest.call("size")).toBe(5);
  });

  test("no further than its own maximum, when that is less", () => {
    const guest = limitGuest(text.replace("2)", "2 3)"), { maxMemoryBytes: 5 * page });
    expect(guest.call("grow", 2)).toBe(-1);
    expect(guest.call("grow", 1)).toBe(2);
  });

  test("for a price by its size, so that growing page by page ends slices", () => {
    let slices = 0;
    const guest = limitGuest(text, {
      fuelPerSlice: 100_000,
      sliceEnd: () => {
        slices++;
        return 0;
      },
    });
    for (let i = 0; i < 100; i++) guest.call("grow", 1);
    expect(slices).toBeGreaterThan(50);
  });
});

describe("several memories", () => {
  const text = `(module (memory 1) (memory $b 1 10)
    (func (export "growA") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "growB") (param i32) (result i32) (memory.grow $b (local.get 0)))
    (func (export "sizeB") (result i32) (memory.size $b)))`;

  test("share the cap", () => {
    const guest = limitGuest(text, { maxMemoryBytes: 6 * page });
    expect(guest.call("growA", 3)).toBe(1);
    expect(guest.call("growB", 2)).toBe(-1);
    expect(guest.call("growB", 1)).toBe(1);
    expect(guest.call("growA", 1)).toBe(-1);
    expect(guest.call("growB", -1)).toBe(-1);
    expect(guest.call("growB", 0)).toBe(2);
    expect(guest.call("sizeB")).toBe(2);
  });

  test("share it from the start", () => {
    expect(refusal(text, { maxMemoryBytes: page }).code).toBe("module-memory-too-large");
  });
});

test("a module whose memory begins above the cap is refused with both sizes", () => {
  const error = refusal("(module (memory 3))", { maxMemoryBytes: 2 * page });
  expect(error.code).toBe("module-memory-too-large");
  expect(error.message).toBe(
    "The module begins with 196608 bytes of memory; at most 131072 are allowed. Raise --max-memory or build it with a smaller initial memory.",
  );
});

describe("a maximum that the engine refuses stays refused:", () => {
  for (const limits of ["1 65537", "2 1"]) {
    test(limits, () => {
      const bytes = [...assemble("(module (memory 1 2))")];
      const [min = 0, max = 0] = limits.split(" ").map(Number);
      const at = bytes.indexOf(0x05);
      const leb = max < 128 ? [max] : [(max & 0x7f) | 0x80, ((max >> 7) & 0x7f) | 0x80, max >> 14];
      bytes.splice(at, 6, 0x05, 3 + leb.length, 0x01, 0x01, min, ...leb);
      expect(thrownBy(() => limitGuest(new Uint8Array(bytes)))).toBeInstanceOf(WebAssembly.CompileError);
    });
  }
});

test("a shared memory is capped like any other", () => {
  const guest = limitGuest(
    `(module (memory 1 65536 shared) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`,
    { maxMemoryBytes: 3 * page },
  );
  expect(guest.call("grow", 3)).toBe(-1);
  expect(guest.call("grow", 2)).toBe(1);
});

describe("tables", () => {
  const grow = (guest: LimitedGuest, name: string, by: number): unknown => guest.call(name, null, by);

  test("grow up to the cap", () => {
    const guest = limitGuest(
      `(module (table $t (export "table") 2 externref)
        (func (export "grow") (param externref i32) (result i32) (table.grow $t (local.get 0) (local.get 1))))`,
      { maxTableEntries: 10 },
    );
    expect(grow(guest, "grow", 9)).toBe(-1);
    expect(grow(guest, "grow", 8)).toBe(2);
    expect(grow(guest, "grow", 1)).toBe(-1);
    expect(grow(guest, "grow", -1)).toBe(-1);
  });

  test("share the cap, so that many tables are no way around it", () => {
    const guest = limitGuest(
      `(module (table $t 2 externref) (table $u 2 100 funcref)
        (func (export "growT") (param externref i32) (result i32) (table.grow $t (local.get 0) (local.get 1)))
        (func (export "growU") (param funcref i32) (result i32) (table.grow $u (local.get 0) (local.get 1))))`,
      { maxTableEntries: 10 },
    );
    expect(grow(guest, "growT", 5)).toBe(2);
    expect(grow(guest, "growU", 2)).toBe(-1);
    expect(grow(guest, "growU", 1)).toBe(2);
    expect(grow(guest, "growT", 1)).toBe(-1);
  });

  test("that begin above the cap are refused", () => {
    const error = refusal("(module (table 6 funcref) (table 5 funcref))", { maxTableEntries: 10 });
    expect(error.code).toBe("module-memory-too-large");
    expect(error.message).toBe(
      "The tables of the module begin with 11 entries; at most 10 are allowed. Use smaller tables.",
    );
  });
});

test("memory64 is refused with a sentence of its own", () => {
  const bytes = assemble("(module (memory 1 2))");
  bytes[bytes.indexOf(0x05) + 3] = 0x05;
  const error = thrownBy(() => limitGuest(bytes)) as ModuleError;
  expect(error.code).toBe("module-invalid");
  expect(error.message).toBe(
    "The module has a memory or table with 64-bit addresses (memory64), which the engine does not run. Build it for wasm32.",
  );
});
