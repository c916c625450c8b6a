/** What the engine's compilers would keep for a module is bounded at load, from both sides of each edge. */

import { describe, expect, test } from "bun:test";
import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import {
  COMPLEX_SHAPES,
  type ComplexShape,
  moduleOfExports,
  moduleOfReferences,
} from "../../support/complex-modules.ts";

const CAPS = { maxMemoryBytes: 2 ** 32, maxTableEntries: 10_000_000, fuelPerSlice: 100_000 } as const;

function refusal(bytes: Uint8Array): string | null {
  try {
    limitModule(readOutline(bytes), CAPS);
    return null;
  } catch (error) {
    if (error instanceof ModuleError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

function shape(what: string): ComplexShape["make"] {
  const found = COMPLEX_SHAPES.find((one) => one.what === what);
  if (found === undefined) throw new Error(`there is no shape of ${what}`);
  return found.make;
}

const EDGES: readonly [what: string, factor: number, most: number][] = [
  ["loops and locals", 5000, 836],
  ["loops and operands", 1000, 4190],
  ["blocks and values that they take and give", 500, 259],
  ["calls within a try and locals", 1000, 2087],
  ["catch clauses and locals", 300, 870],
  ["branches and values that they carry", 500, 3355],
  ["branch table entries and values that they carry", 1000, 1676],
  ["ifs in each other and locals that are set in them", 1000, 670],
];

describe("a function that combines", () => {
  test.each(EDGES)("%s: with %i of these it is taken up to %i of those", (what, factor, most) => {
    const make = shape(what);
    expect(new WebAssembly.Module(make(most, factor))).toBeInstanceOf(WebAssembly.Module);
    expect(refusal(make(most, factor))).toBeNull();
    expect(refusal(make(most + 1, factor))).toMatch(
      /^module-too-complex: The function f would make the engine's compiler take about 25[78] MiB; at most 256 are allowed\./,
    );
  });

  test("every shape has its edge here", () => {
    expect(EDGES.map(([what]) => what)).toEqual(COMPLEX_SHAPES.map(({ what }) => what));
  });
});

test("functions that the optimising compiler leaves alone are bounded by what the one before it keeps", () => {
  const make = shape("loops and locals");
  // 25,000 locals make the code larger than 100,000 bytes.
  expect(refusal(make(600, 25_000))).toBeNull();
  expect(refusal(make(700, 25_000))).toContain(
    "The function f would make the engine's compiler take about 268 MiB",
  );
});

test("all functions together are bounded, by the size of the module", () => {
  const make = shape("loops and locals");
  const one = make(600, 25_000);
  expect(refusal(one)).toBeNull();
  const many = make(600, 25_000, 3);
  expect(refusal(many)).toMatch(
    /^module-too-complex: The functions of the module together would make the engine's compiler keep about \d+ MiB/,
  );
});

test("what each instance takes for exports and references to functions is bounded", () => {
  expect(refusal(moduleOfExports(184_363))).toBeNull();
  expect(refusal(moduleOfExports(184_364))).toBe(
    "module-too-complex: The module has 184365 exports, and 1 functions that exports and elements name, for which each instance would take about 65 MiB; at most 64 are allowed.",
  );
  expect(refusal(moduleOfReferences(310_687))).toBeNull();
  expect(refusal(moduleOfReferences(310_688))).toContain("310688 functions that exports and elements name");
});

describe("the modules that are known to make the engine run away are refused:", () => {
  const known: readonly [what: string, count: number, factor: number][] = [
    ["blocks and values that they take and give", 1000, 1000],
    ["catch clauses and locals", 30_000, 1],
    ["catch clauses and locals", 1_000_000, 1],
    ["loops and locals", 10_000, 20_000],
    ["calls within a try and locals", 5000, 5000],
  ];
  test.each(known)("%s, %i and %i", (what, count, factor) => {
    expect(refusal(shape(what)(count, factor))).toStartWith("module-too-complex");
  });

  test("900,000 functions that can be referred to", () => {
    expect(refusal(moduleOfReferences(900_000))).toStartWith("module-too-complex");
  });
});
