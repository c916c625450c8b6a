/** Sections that no code needs: kept, moved, or dropped on purpose. */

import { describe, expect, test } from "bun:test";
import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import { assemble, limitGuest, usualLimits } from "./limited-guest.ts";
import { body, custom, functionType, i32, list, moduleOf, name } from "./module-bytes.ts";

function limited(bytes: Uint8Array): WebAssembly.Module {
  return new WebAssembly.Module(limitModule(readOutline(bytes), usualLimits).bytes);
}

function customSection(module: WebAssembly.Module, title: string): number[] {
  const [content] = WebAssembly.Module.customSections(module, title);
  return content === undefined ? [] : [...new Uint8Array(content)];
}

const empty = [list(1, functionType([], [])), list(3, [0]), list(10, body())] as const;

test("unknown sections stay, wherever they stood", () => {
  const [types, functions, code] = empty;
  const module = limited(
    moduleOf(custom("first", [1]), types, custom("producers", [2]), functions, code, custom("last", [3, 3])),
  );
  expect(["first", "producers", "last"].map((title) => customSection(module, title))).toEqual([
    [1],
    [2],
    [3, 3],
  ]);
});

test("sections that speak of old offsets, and those for debuggers, are dropped", () => {
  const dropped = [
    ".debug_info",
    "reloc.CODE",
    "linking",
    "sourceMappingURL",
    "external_debug_info",
    "metadata.code.x",
  ];
  const module = limited(moduleOf(...empty, ...dropped.map((title) => custom(title, [1, 2, 3]))));
  for (const title of dropped) expect(WebAssembly.Module.customSections(module, title)).toEqual([]);
});

describe("the name section", () => {
  const named = (names: number[]): number[] => [1, names.length + 1, 1, ...names];

  test("moves its functions and loses the names of locals", () => {
    const module = limited(
      moduleOf(...empty, custom("name", [0, 2, ...name("m"), ...named([0, ...name("f")]), 2, 1, 0, 7, 1, 0])),
    );
    expect(customSection(module, "name")).toEqual([0, 2, ...name("m"), ...named([1, ...name("f")]), 7, 1, 0]);
  });

  test("is left out when it is damaged, and names nothing", () => {
    const guest = limitGuest(moduleOf(...empty, custom("name", [1, 200, 1, 0])));
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(guest.limited.bytes), "name")).toEqual(
      [],
    );
    expect(guest.limited.functionName(1)).toBeUndefined();
  });
});

describe("branch hints", () => {
  const hints = "metadata.code.branch_hint";

  test("mark every check as unlikely, by the number of the function among those with code", () => {
    const module = limited(assemble(`(module (import "a" "b" (func)) (func) (func $f (call $f)))`));
    const [functions, number, count, , length, value] = customSection(module, hints);
    expect({ functions, number, count, length, value }).toEqual({
      functions: 1,
      number: 1,
      count: 1,
      length: 1,
      value: 0,
    });
  });

  test("of the guest move with its code", () => {
    const text = `(module (import "a" "b" (func)) (func (param i32) (loop $l (br 0))
      (nop) (local.get 0) (@metadata.code.branch_hint "\\01") if end))`;
    const bytes = assemble(text);
    expect(customSection(new WebAssembly.Module(bytes), hints).at(-1)).toBe(1);
    const result = limitModule(readOutline(bytes), usualLimits).bytes;
    const [, number, count, ...pairs] = customSection(new WebAssembly.Module(result), hints);
    expect({ number, count, likely: pairs.at(-1) }).toEqual({ number: 0, count: 2, likely: 1 });
    // The body begins with the loop's counter, the guest's branch is the one behind its nop.
    const bodyAt = indexOf(result, [0x01, 0x01, i32, 0x41]);
    const branchAt = indexOf(result, [0x01, 0x20, 0x00, 0x04, 0x40, 0x0b, 0x0b]) + 3;
    expect(pairs.at(-3)).toBe(branchAt - bodyAt);
  });

  test("that are damaged are as good as none", () => {
    const module = limited(
      moduleOf(list(1, functionType([], [])), list(3, [0]), custom(hints, [9, 9]), list(10, body())),
    );
    expect(customSection(module, hints)).toEqual([]);
  });
});

function indexOf(bytes: Uint8Array, part: readonly number[]): number {
  return Buffer.from(bytes).indexOf(Buffer.from(part));
}

test("a module without anything gets what it needs and is valid", () => {
  const { limited: result, exports } = limitGuest(moduleOf());
  expect(Object.keys(exports)).toEqual([result.fuelExport]);
});

test("the given bytes are not touched, and the new ones are a buffer of their own", () => {
  const bytes = moduleOf(...empty, custom("x", []));
  const copy = bytes.slice();
  const { bytes: result } = limitModule(readOutline(bytes), usualLimits);
  expect(bytes).toEqual(copy);
  expect(result.buffer).not.toBe(bytes.buffer);
});
