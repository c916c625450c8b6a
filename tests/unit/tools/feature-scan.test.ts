import { describe, expect, test } from "bun:test";
import wabt from "wabt";
import { FEATURES, type Feature, scanFeatures } from "../../../src/tools/check/feature-scan.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";

const assembler = await wabt();

/** What wabt can assemble; the rest is written in bytes. */
const ALL = {
  bulk_memory: true,
  exceptions: true,
  reference_types: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  tail_call: true,
  threads: true,
  multi_memory: true,
};

function featuresOf(text: string): readonly Feature[] {
  const module = assembler.parseWat("features.wat", `(module ${text})`, ALL);
  try {
    return scanFeatures(readOutline(Uint8Array.from(module.toBinary({}).buffer)));
  } finally {
    module.destroy();
  }
}

/** A module of one function with this body. `types`: of the type section, the function has the last one. */
function moduleOf(types: readonly (readonly number[])[], body: readonly number[]): Uint8Array {
  const section = (id: number, content: readonly number[]) => [id, content.length, ...content];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [types.length, ...types.flat()]),
    ...section(3, [1, types.length - 1]),
    ...section(10, [1, body.length + 2, 0, ...body, 0x0b]),
  ]);
}

const NOTHING = [0x60, 0, 0];

describe("the features of a module", () => {
  test("are none for one of the first version, whatever it does", () => {
    expect(
      featuresOf(`
        (memory 1) (table 2 funcref) (global $g (mut i64) (i64.const 0))
        (func $f (param i32) (result f64)
          (local i64 f32)
          (block $out (loop $in
            (br_if $out (i32.eqz (local.get 0)))
            (br_table $in $out (i32.load8_u offset=70000 (local.get 0)))))
          (global.set $g (i64.const -9223372036854775808))
          (drop (memory.grow (memory.size)))
          (drop (call_indirect (param i32) (result f64) (i32.const 1) (i32.const 0)))
          (if (result f64) (i32.const 2147483647)
            (then (f64.const 1.5))
            (else (f64.promote_f32 (select (f32.const 1) (f32.const 2) (i32.const 0))))))`),
    ).toEqual([]);
  });

  const cases: readonly [feature: Feature, text: string][] = [
    ["sign extension", "(func (result i32) (i32.extend8_s (i32.const 1)))"],
    ["saturating conversions", "(func (result i32) (i32.trunc_sat_f64_s (f64.const 1)))"],
    ["bulk memory", "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 9)))"],
    ["reference types", "(table 1 funcref) (func (drop (table.size 0)))"],
    ["reference types", "(func (result i32) (ref.is_null (ref.null extern)))"],
    ["SIMD", "(func (result v128) (v128.const i32x4 1 2 3 4))"],
    ["SIMD", "(memory 1) (func (result v128) (v128.load8_lane 3 (i32.const 0) (v128.const i32x4 1 2 3 4)))"],
    ["tail calls", "(func $f (return_call $f))"],
    [
      "exceptions",
      "(tag $t (param i32)) (func (try (do (throw $t (i32.const 1))) (catch $t (drop)) (catch_all)))",
    ],
    ["threads", "(memory 1 1 shared) (func (result i32) (i32.atomic.load (i32.const 0)))"],
    ["threads", "(func (atomic.fence))"],
    ["multiple memories", "(memory 1) (memory 1)"],
  ];
  for (const [feature, text] of cases) {
    test(`include ${feature} for ${text}`, () => {
      expect(featuresOf(text)).toEqual([feature]);
    });
  }

  // A sign extension behind an instruction is only found when that was stepped over exactly.
  for (const [feature, text] of cases.filter(([, text]) => text.includes("(func"))) {
    test(`include those behind ${text}`, () => {
      const longer = `${text.replace(/\)$/, "")} (drop (i32.extend8_s (i32.const 1))))`;
      expect(featuresOf(longer)).toEqual(
        FEATURES.filter((one) => one === feature || one === "sign extension"),
      );
    });
  }

  const STRUCT = [0x5f, 1, 0x7f, 1];
  const ARRAY = [0x5e, 0x7f, 1];
  const SIGN_EXTENSION = [0x41, 1, 0xc0, 0x1a];
  const inBytes: readonly [
    name: string,
    feature: Feature,
    types: readonly number[][],
    body: readonly number[],
  ][] = [
    ["struct.new_default", "garbage collection", [STRUCT], [0xfb, 0x01, 0, 0x1a]],
    ["struct.get", "garbage collection", [STRUCT], [0xfb, 0x01, 0, 0xfb, 0x02, 0, 0, 0x1a]],
    ["array.new_fixed", "garbage collection", [ARRAY], [0x41, 7, 0xfb, 0x08, 0, 1, 0x1a]],
    ["array.len", "garbage collection", [ARRAY], [0x41, 7, 0xfb, 0x07, 0, 0xfb, 0x0f, 0x1a]],
    ["ref.i31", "garbage collection", [], [0x41, 7, 0xfb, 0x1c, 0x1a]],
    ["i64.add128", "wide arithmetic", [], [0x42, 1, 0x42, 1, 0x42, 1, 0x42, 1, 0xfc, 19, 0x1a, 0x1a]],
    ["br_on_null", "typed references", [], [0x02, 0x40, 0xd0, 0x70, 0xd5, 0, 0x1a, 0x0b]],
  ];
  for (const [name, feature, types, body] of inBytes) {
    test(`include ${feature} for ${name}`, () => {
      const found = scanFeatures(readOutline(moduleOf([...types, NOTHING], [...body, ...SIGN_EXTENSION])));
      const isReference = name === "br_on_null";
      expect(found).toEqual(
        FEATURES.filter(
          (one) => one === feature || one === "sign extension" || (isReference && one === "reference types"),
        ),
      );
    });
  }

  test("are those of the functions that can be read, beside one that cannot", () => {
    expect(scanFeatures(readOutline(moduleOf([NOTHING], [...SIGN_EXTENSION, 0xff])))).toEqual([
      "sign extension",
    ]);
  });
});
