/** Bytes that are no module, or no longer one: a typed error, quickly, and nothing else. */

import { describe, expect, test } from "bun:test";
import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { assemble, thrownBy, usualLimits } from "./limited-guest.ts";
import { body, custom, functionType, header, list, moduleOf, section } from "./module-bytes.ts";

function refusal(bytes: Uint8Array): string {
  const error = thrownBy(() => limitModule(readOutline(bytes), usualLimits));
  expect(error).toBeInstanceOf(ModuleError);
  const { code, message } = error as ModuleError;
  return `${code}: ${message}`;
}

const retry = "Build it again, or check that the file is complete.";

describe("refused is", () => {
  const cases: Record<string, readonly [Uint8Array, string]> = {
    "an empty file": [
      new Uint8Array(),
      "module-not-wasm: the file is not a WebAssembly binary (it does not start with \\0asm); build the module to .wasm first",
    ],
    "a text file": [
      new TextEncoder().encode("(module)"),
      "module-not-wasm: the file is not a WebAssembly binary (it does not start with \\0asm); build the module to .wasm first",
    ],
    "a component": [
      new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]),
      "module-not-wasm: the file is a WebAssembly component; this agent runs core modules, so build for wasm32-unknown-unknown or wasm32-wasip1",
    ],
    "a section that ends too early": [
      moduleOf([1, 9, 1]),
      `module-invalid: The module is not valid WebAssembly: a list of 9 elements does not fit at byte 9. ${retry}`,
    ],
    "a section with bytes left over": [
      moduleOf(section(3, [0, 1])),
      `module-invalid: The module is not valid WebAssembly: 1 bytes are left over at byte 11. ${retry}`,
    ],
    "a section that is repeated": [
      moduleOf(list(1), list(1)),
      `module-invalid: The module is not valid WebAssembly: section 1 is repeated or out of order at byte 13. ${retry}`,
    ],
    "a section out of order": [
      moduleOf(list(7), list(1)),
      `module-invalid: The module is not valid WebAssembly: section 1 is repeated or out of order at byte 13. ${retry}`,
    ],
    "an unknown section": [
      moduleOf(section(14, [])),
      `module-invalid: The module is not valid WebAssembly: section 14 is unknown at byte 8. ${retry}`,
    ],
    "a huge count": [
      moduleOf(section(3, [0xff, 0xff, 0xff, 0xff, 0x0f])),
      `module-invalid: The module is not valid WebAssembly: a list of 4294967295 elements does not fit at byte 10. ${retry}`,
    ],
    "a number of too many bytes": [
      moduleOf(section(3, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00])),
      `module-invalid: The module is not valid WebAssembly: an unsigned 32-bit number is too long at byte 10. ${retry}`,
    ],
    "a number of too many bits": [
      moduleOf(section(3, [0x80, 0x80, 0x80, 0x80, 0x10])),
      `module-invalid: The module is not valid WebAssembly: an unsigned 32-bit number is too long at byte 10. ${retry}`,
    ],
    "functions without code": [
      moduleOf(list(1, functionType([], [])), list(3, [0])),
      `module-invalid: The module is not valid WebAssembly: 1 functions are declared, but 0 have code at byte 0. ${retry}`,
    ],
    "code without its last end": [
      moduleOf(list(1, functionType([], [])), list(3, [0]), list(10, [2, 0, 0x01])),
      `module-invalid: The module is not valid WebAssembly: a function has no end at byte 24. ${retry}`,
    ],
    "code behind the last end": [
      moduleOf(list(1, functionType([], [])), list(3, [0]), list(10, body(0x0b, 0x01))),
      `module-invalid: The module is not valid WebAssembly: 2 bytes are left over at byte 24. ${retry}`,
    ],
    "a branch to nowhere": [
      moduleOf(list(1, functionType([], [])), list(3, [0]), list(10, body(0x0c, 0x01))),
      `module-invalid: The module is not valid WebAssembly: label 1 does not exist at byte 23. ${retry}`,
    ],
    "an else without if": [
      moduleOf(list(1, functionType([], [])), list(3, [0]), list(10, body(0x02, 0x40, 0x05, 0x0b))),
      `module-invalid: The module is not valid WebAssembly: else without if at byte 25. ${retry}`,
    ],
    "a catch without try": [
      moduleOf(list(1, functionType([], [])), list(3, [0]), list(10, body(0x02, 0x40, 0x19, 0x0b))),
      `module-invalid: The module is not valid WebAssembly: catch without try at byte 26. ${retry}`,
    ],
  };
  for (const [name, [bytes, expected]] of Object.entries(cases)) {
    test(name, () => {
      expect(refusal(bytes)).toBe(expected);
    });
  }

  test("a function larger than the engine takes", () => {
    const large = new Uint8Array(8_000_000).fill(1);
    const code = Buffer.concat([Buffer.from([1]), Buffer.from([0x80, 0xa4, 0xe8, 0x03]), large]);
    const before = moduleOf(list(1, functionType([], [])), list(3, [0]));
    const size = [0x85, 0xa4, 0xe8, 0x03];
    const bytes = new Uint8Array(Buffer.concat([before, Buffer.from([10, ...size]), code]));
    expect(refusal(bytes)).toMatch(/^module-too-large: The function at byte \d+ has 8000000 bytes of code/);
  });
});

describe("nesting is bounded by nothing but the size of the code:", () => {
  test("a million blocks in each other", () => {
    const depth = 1_000_000;
    const code = new Uint8Array(depth * 3);
    for (let i = 0; i < depth; i++) code.set([0x02, 0x40], i * 2);
    code.fill(0x0b, depth * 2);
    const size = (value: number): number[] =>
      [0, 7, 14].map((shift) => ((value >> shift) & 0x7f) | 0x80).concat(value >> 21);
    const before = moduleOf(list(1, functionType([], [])), list(3, [0]));
    const bytes = Buffer.concat([
      before,
      Buffer.from([10, ...size(code.length + 7), 1, ...size(code.length + 2), 0]),
      code,
      Buffer.from([0x0b]),
    ]);
    const { bytes: limited } = limitModule(readOutline(new Uint8Array(bytes)), usualLimits);
    expect(limited.length).toBeGreaterThan(bytes.length);
  });
});

describe("a damaged module is refused or stays what it was:", () => {
  const bytes = assemble(`(module
    (import "a" "b" (func $import (param i32) (result i32)))
    (memory (export "memory") 1 2) (table 4 8 funcref) (tag $tag (param i32))
    (global $g (mut i32) (i32.const 5)) (elem (i32.const 0) func $f $import) (data (i32.const 8) "data")
    (func $f (export "f") (param i32 i32) (result i64) (local i64 f32)
      (block $b (loop $l (br_if $b (i32.eqz (local.get 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $l)))
      (try (do (drop (call $import (memory.grow (i32.const 1))))) (catch $tag (drop)) (catch_all))
      (memory.fill (i32.const 0) (i32.const 1) (local.get 1))
      (block $x (block $y (br_table $x $y (local.get 1))) (i64.store (i32.const 0) (i64.const -123456789)))
      (drop (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)))
      (i64.const 7)))`);

  function check(damaged: Uint8Array<ArrayBuffer>): void {
    let limited: Uint8Array<ArrayBuffer>;
    try {
      limited = limitModule(readOutline(damaged), usualLimits).bytes;
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      return;
    }
    if (WebAssembly.validate(limited) !== WebAssembly.validate(damaged)) {
      throw new Error(
        `valid before and after: ${WebAssembly.validate(damaged)}, ${WebAssembly.validate(limited)}`,
      );
    }
  }

  test("cut off anywhere", () => {
    for (let length = 0; length < bytes.length; length++) check(bytes.slice(0, length));
  });

  test("with any byte changed to any of several", () => {
    for (let at = 8; at < bytes.length; at++) {
      for (const value of [
        0x00,
        0x01,
        0x0b,
        0x40,
        0x7f,
        0x80,
        0xfb,
        0xfc,
        0xfd,
        0xff,
        bytes[at]! ^ 1,
        bytes[at]! + 1,
      ]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        check(damaged);
      }
    }
  });
});

test("a custom section is read past, whatever it holds", () => {
  const bytes = new Uint8Array([...header, ...custom("x", [0xff, 0xff]), ...list(1)]);
  expect(() => limitModule(readOutline(bytes), usualLimits)).not.toThrow();
});
