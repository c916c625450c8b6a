import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hasMoreValues } from "../../../src/abi/json/value-count.ts";

/** Entries of lists and objects, and the text's own value. */
function valuesOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + valuesOf(inner), 1);
}

describe("values are counted before they are made:", () => {
  test("in lists, objects and all that is in them, to one more for what is empty", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 1, max: 60 }), (value, most) => {
        const text = JSON.stringify(value);
        const values = valuesOf(value);
        if (hasMoreValues(text, most)) expect(values * 2).toBeGreaterThan(most);
        else expect(values).toBeLessThanOrEqual(most);
      }),
    );
  });

  test("not what looks like them in a string, however it ends", () => {
    const body = `,,[{"${"\\".repeat(5)}`.repeat(1000);
    expect(hasMoreValues(JSON.stringify({ decision: "block", body }), 3)).toBe(false);
    expect(hasMoreValues(JSON.stringify({ body, tags: [1, 2, 3] }), 3)).toBe(true);
  });

  test("in text that is no JSON", () => {
    expect(hasMoreValues(`"${",".repeat(100)}`, 3)).toBe(false);
    expect(hasMoreValues(",".repeat(100), 3)).toBe(true);
  });
});
