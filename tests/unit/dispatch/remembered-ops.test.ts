import { describe, expect, test } from "bun:test";
import { RememberedOps } from "../../../src/dispatch/remembered-ops.ts";
import type { HeaderOp } from "../../../src/event/header-ops.ts";

const set = (name: string, value = "1"): HeaderOp => ({ op: "set", name, value });

const FIVE_MINUTES_MS = 5 * 60_000;

function atTime() {
  const clock = { nowMs: 1_000 };
  return { clock, remembered: new RememberedOps(() => clock.nowMs) };
}

describe("an entry", () => {
  test("serves one response, once", () => {
    const { remembered } = atTime();
    expect(remembered.remember("a", [set("X-A")])).toBe(true);
    expect(remembered.take("a")).toEqual([set("X-A")]);
    expect(remembered.take("a")).toBeNull();
    expect(remembered.size).toBe(0);
  });

  test("is replaced by a newer request of the same id", () => {
    const { remembered } = atTime();
    remembered.remember("a", [set("X-Old")]);
    remembered.remember("a", [set("X-New")]);
    expect(remembered.take("a")).toEqual([set("X-New")]);
  });

  test("is forgotten by a newer request of the same id that has none", () => {
    const { remembered } = atTime();
    remembered.remember("a", [set("X-Old")]);
    remembered.forget("a");
    expect(remembered.take("a")).toBeNull();
  });

  test("is forgotten by a newer request of the same id whose operations are too many", () => {
    const { remembered } = atTime();
    remembered.remember("a", [set("X-Old")]);
    expect(
      remembered.remember(
        "a",
        Array.from({ length: 65 }, (_, i) => set(`X-${i}`)),
      ),
    ).toBe(false);
    expect(remembered.take("a")).toBeNull();
  });

  test("lives for five minutes", () => {
    const { clock, remembered } = atTime();
    remembered.remember("young", [set("X-A")]);
    remembered.remember("old", [set("X-A")]);
    clock.nowMs += FIVE_MINUTES_MS - 1;
    expect(remembered.take("young")).not.toBeNull();
    clock.nowMs += 1;
    expect(remembered.take("old")).toBeNull();
  });

  test.each(["__proto__", "constructor", "", "a\u0000b"])("may have the id %p", (id) => {
    const { remembered } = atTime();
    expect(remembered.take(id)).toBeNull();
    remembered.remember(id, [set("X-A")]);
    expect(remembered.take(id)).toEqual([set("X-A")]);
  });
});

describe("bounds", () => {
  test.each([
    ["64 operations", "a", Array.from({ length: 64 }, (_, i) => set(`X-${i}`)), true],
    ["65 operations", "a", Array.from({ length: 65 }, (_, i) => set(`X-${i}`)), false],
    ["16 Ki units of names and values", "a", [set("X-A", "x".repeat(16 * 1024 - 3))], true],
    ["one unit more", "a", [set("X-A", "x".repeat(16 * 1024 - 2))], false],
    ["an id of 256 units", "i".repeat(256), [set("X-A")], true],
    ["an id of 257 units", "i".repeat(257), [set("X-A")], false],
  ] as const)("%s", (_what, id, ops, isKept) => {
    const { remembered } = atTime();
    expect(remembered.remember(id, ops)).toBe(isKept);
    expect(remembered.size).toBe(isKept ? 1 : 0);
  });

  test("at most 16384 entries: the oldest makes room", () => {
    const { remembered } = atTime();
    for (let i = 0; i <= 16_384; i++) remembered.remember(`id-${i}`, [set("X-A")]);
    expect(remembered.size).toBe(16_384);
    expect(remembered.take("id-0")).toBeNull();
    expect(remembered.take("id-1")).not.toBeNull();
    expect(remembered.take("id-16384")).not.toBeNull();
  });

  test("entries whose response never came are dropped when newer ones come", () => {
    const { clock, remembered } = atTime();
    for (let i = 0; i < 100; i++) remembered.remember(`id-${i}`, [set("X-A")]);
    clock.nowMs += FIVE_MINUTES_MS;
    remembered.remember("new", [set("X-A")]);
    expect(remembered.size).toBe(1);
  });
});
