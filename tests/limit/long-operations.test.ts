/**
 * Fills and copies of more than a mebibyte are done in pieces, so that the clock is looked at in between: they leave
 * the same bytes as in one piece, also where source and target overlap, and nothing when they reach out of bounds.
 */

import { describe, expect, test } from "bun:test";
import makeWabt from "wabt";
import { guestFailure } from "./guest-failure.ts";
import { type BuiltModule, buildPlain, limitedBuilder, startedInstance, wideCaps } from "./module-build.ts";

const source = `(module
  (memory (export "first") 64)
  (memory (export "second") 48)
  (func (export "fill") (param i32 i32 i32) (memory.fill 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy 0 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "out") (param i32 i32 i32) (memory.copy 1 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "back") (param i32 i32 i32) (memory.copy 0 1 (local.get 0) (local.get 1) (local.get 2))))`;

const wabt = await makeWabt();
const features = { bulk_memory: true, multi_memory: true };
const bytes = new Uint8Array(wabt.parseWat("long.wat", source, features).toBinary({}).buffer);

const piece = 2 ** 20;
const operations = ["fill", "copy", "out", "back"] as const;
const lengths = [
  0,
  1,
  piece - 1,
  piece,
  piece + 1,
  2 * piece,
  2 * piece + 3,
  3 * piece,
  4 * piece,
  -1,
  -piece,
];
const places: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [0, piece],
  [piece, 0],
  [12_345, 54_321],
  [54_321, 12_345],
  [piece - 1, piece + 1],
  [2 * piece - 1, 7],
  [4 * piece, 0],
  [-1, 5],
];

let sliceEnds = 0;
const grantAndCount = (): number => {
  sliceEnds += 1;
  return 0;
};
const forms = {
  plain: started(buildPlain(bytes)),
  "in long slices": started(limitedBuilder({ ...wideCaps, fuelPerSlice: 2 ** 31 - 1 }, () => 0)(bytes)),
  "in short slices": started(limitedBuilder({ ...wideCaps, fuelPerSlice: 1 }, grantAndCount)(bytes)),
};

describe("long operations on memory", () => {
  for (const operation of operations) {
    test(`${operation} leaves the same bytes in pieces as at once`, () => {
      for (const length of lengths) {
        Object.values(forms).forEach(refill);
        for (const [to, from] of places) {
          const expected = outcome(forms.plain, operation, to, from, length);
          const where = `${operation} ${length} bytes to ${to} from ${from}: `;
          expect(where + outcome(forms["in long slices"], operation, to, from, length)).toBe(
            where + expected,
          );
          expect(where + outcome(forms["in short slices"], operation, to, from, length)).toBe(
            where + expected,
          );
        }
      }
    });
  }

  test("ask for the clock again and again", () => {
    sliceEnds = 0;
    outcome(forms["in short slices"], "fill", 0, 1, 4 * piece);
    expect(sliceEnds).toBeGreaterThanOrEqual(4);
  });
});

interface StartedGuest {
  readonly exports: Record<(typeof operations)[number], (to: number, from: number, length: number) => void>;
  readonly memories: readonly Uint8Array[];
}

/** No two neighbours are equal, nor bytes a mebibyte apart. */
const pattern = Uint8Array.from({ length: 4 * piece }, (_, at) => at ^ (at >> 8) ^ ((at >> 16) * 3));

function started(built: BuiltModule): StartedGuest {
  const { exports } = startedInstance(built, {});
  const memories = ["first", "second"].map(
    (name) => new Uint8Array((exports[name] as WebAssembly.Memory).buffer),
  );
  return { exports: exports as StartedGuest["exports"], memories };
}

function refill({ memories }: StartedGuest): void {
  for (const memory of memories) {
    memory.set(pattern.subarray(0, memory.length));
  }
}

function outcome(
  { exports, memories }: StartedGuest,
  operation: (typeof operations)[number],
  to: number,
  from: number,
  length: number,
): string {
  let end = "done";
  try {
    exports[operation](to, from, length);
  } catch (error) {
    end = guestFailure(error).text;
  }
  return `${end} ${memories.map((memory) => Bun.hash(memory)).join(" ")}`;
}
