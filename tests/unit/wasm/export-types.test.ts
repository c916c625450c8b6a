import { describe, expect, test } from "bun:test";
import { type ExportType, readExportTypes } from "../../../src/wasm/binary/export-types.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import { examplePolicy } from "../../support/example-modules.ts";

async function typesOf(wat: string): Promise<Record<string, ExportType>> {
  return Object.fromEntries(readExportTypes(await assembleWat("types", wat)));
}

const signature = (text: string): ExportType => ({ kind: "function", signature: text });

test("functions read as their signatures", async () => {
  expect(
    await typesOf(`(module
      (func (export "none"))
      (func (export "one") (param i32) (result i64) (i64.const 0))
      (func (export "all") (param i32 i64 f32 f64) (result f64) (f64.const 0)))`),
  ).toEqual({
    none: signature("() -> ()"),
    one: signature("(i32) -> i64"),
    all: signature("(i32, i64, f32, f64) -> f64"),
  });
});

test("several results stand in parentheses", async () => {
  expect(
    await typesOf('(module (func (export "two") (result i32 i32) (i32.const 1) (i32.const 2)))'),
  ).toEqual({ two: signature("() -> (i32, i32)") });
});

test("imported functions come first in the count", async () => {
  expect(
    await typesOf(`(module
      (import "env" "f" (func (param i32)))
      (import "env" "m" (memory 1 2))
      (import "env" "t" (table 1 funcref))
      (import "env" "g" (global i64))
      (func $own (result i64) (i64.const 0))
      (export "imported" (func 0))
      (export "own" (func $own)))`),
  ).toEqual({ imported: signature("(i32) -> ()"), own: signature("() -> i64") });
});

test("what is no function has a kind only", async () => {
  expect(
    await typesOf(`(module
      (memory (export "memory") 1)
      (table (export "table") 1 funcref)
      (global (export "global") i32 (i32.const 0)))`),
  ).toEqual({ memory: { kind: "memory" }, table: { kind: "table" }, global: { kind: "global" } });
});

test.each(["rust", "go", "c", "assemblyscript", "zig"] as const)(
  "the %s example exports the contract",
  async (language) => {
    const types = readExportTypes(await Bun.file(examplePolicy(language)).bytes());
    expect(types.get("alloc")).toEqual(signature("(i32) -> i32"));
    expect(types.get("dealloc")).toEqual(signature("(i32, i32) -> ()"));
    expect(types.get("on_request_headers")).toEqual(signature("(i32, i32) -> i64"));
    expect(types.get("memory")).toEqual({ kind: "memory" });
  },
);

describe("a damaged binary", () => {
  const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  test.each([
    ["a section longer than the file", [1, 0x7f], "a list of 127 elements does not fit"],
    [
      "a length that never ends",
      [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
      "an unsigned 32-bit number is too long",
    ],
    ["a section that ends in the middle", [1, 2, 1, 0x60], "the bytes end too early"],
    ["a form of type that does not exist", [1, 2, 1, 0x11], "type form 0x11 is unknown"],
  ])("with %s is named as one", (_what, bytes, reason) => {
    const read = () => readExportTypes(Uint8Array.from([...HEADER, ...bytes]));
    expect(read).toThrow(ModuleError);
    expect(read).toThrow(reason);
  });

  test("never throws anything but ModuleError, wherever a real module is cut or changed", async () => {
    const bytes = await Bun.file(examplePolicy("c")).bytes();
    for (let at = 8; at < 400; at++) {
      for (const damaged of [bytes.slice(0, at), bytes.with(at, 0xff), bytes.with(at, 0x00)]) {
        try {
          readExportTypes(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(ModuleError);
        }
      }
    }
  });
});
