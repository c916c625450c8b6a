/** The rewrite knows the instructions of the engine, all of them and no others. */

import { describe, expect, test } from "bun:test";
import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { thrownBy, usualLimits } from "./limited-guest.ts";
import { body, exported, functionType, i32, leb, list, moduleOf } from "./module-bytes.ts";

const noSection: readonly number[] = [];

/** One function with the code in a place that cannot run, where operands may have any type. */
function moduleWith(code: readonly number[]): Uint8Array<ArrayBuffer> {
  return moduleOf(
    list(1, functionType([], []), [0x5f, 1, i32, 1], [0x5e, i32, 1], [0x5e, 0x70, 1]),
    list(3, [0]),
    list(4, [0x70, 0, 1]),
    list(5, [3, 1, 1]),
    list(13, [0, 0]),
    list(6, [i32, 1, 0x41, 0, 0x0b]),
    list(7, exported("f", 0)),
    list(9, [5, 0x70, 0]),
    [12, 1, 1],
    list(10, body(0x00, ...code, 0x00)),
    list(11, [1, 0]),
    noSection,
  );
}

/** What may follow an opcode: indices, types, accesses, constants, and the ends of blocks. */
const immediates: readonly (readonly number[])[] = [
  [],
  [0],
  [1],
  [2],
  [3],
  [4],
  [0, 0],
  [1, 0],
  [2, 0],
  [3, 0],
  [0, 0, 0],
  [1, 0, 0],
  [2, 0, 0],
  [3, 0, 0],
  [4, 0, 0],
  [0, 0, 0, 0],
  [1, i32],
  [0x63, 0],
  [0x70],
  [0x6e],
  [0, 0, 0x70, 0x70],
  [0, 0, 0x6e, 0x6e],
  [0x40, 0x0b],
  [0x40, 0x05, 0x0b],
  [0x40, 0, 0x0b],
  [0x40, 1, 2, 0, 0x0b],
  [0x40, 0x19, 0x0b],
  [0x40, 0x19, 0x09, 0, 0x0b],
  [0x40, 0x07, 0, 0x0b],
  [0x40, 0x18, 0],
  new Array<number>(8).fill(0),
  new Array<number>(16).fill(0),
];

function isKnown(bytes: Uint8Array): boolean {
  try {
    return WebAssembly.validate(limitModule(readOutline(bytes), usualLimits).bytes);
  } catch {
    return false;
  }
}

const families: Record<string, readonly [readonly number[], number]> = {
  "without a prefix": [[], 0xfa],
  "of garbage collection": [[0xfb], 0x40],
  "on memory and tables at large": [[0xfc], 0x30],
  "of SIMD": [[0xfd], 0x140],
  "of threads": [[0xfe], 0x60],
};

for (const [name, [prefix, last]] of Object.entries(families)) {
  test(`instructions ${name} are those of the engine`, () => {
    const differences: string[] = [];
    for (let opcode = 0; opcode <= last; opcode++) {
      const forms = immediates.map((immediate) => moduleWith([...prefix, ...leb(opcode), ...immediate]));
      const engine = forms.map((form) => WebAssembly.validate(form));
      const ours = forms.map(isKnown);
      // The engine is lenient about operands of code that cannot run, so single forms may differ in one direction.
      const isNewlyValid = ours.some((isValid, form) => isValid && !engine[form]);
      if (isNewlyValid || engine.includes(true) !== ours.includes(true))
        differences.push(opcode.toString(16));
    }
    expect(differences).toEqual([]);
  });
}

describe("an unknown instruction is named with its place:", () => {
  const cases: Record<string, readonly number[]> = {
    "0x27": [0x27],
    "0xfb 0x1f": [0xfb, 0x1f],
    "0xfc 0x12": [0xfc, 0x12],
    "0xfd 0x9a": [0xfd, 0x9a, 0x01],
    "0xfe 0x4f": [0xfe, 0x4f],
  };
  for (const [opcode, code] of Object.entries(cases)) {
    test(opcode, () => {
      const bytes = moduleWith(code);
      const at = Buffer.from(bytes).indexOf(Buffer.from([0x00, ...code])) + 1;
      const error = thrownBy(() => limitModule(readOutline(bytes), usualLimits)) as ModuleError;
      expect(error).toBeInstanceOf(ModuleError);
      expect(error.code).toBe("module-unsupported-instruction");
      expect(error.message).toBe(
        `The module has an instruction that is not known at byte ${at}: opcode ${opcode}. Build it without that feature, or load it with --no-limits.`,
      );
    });
  }
});
