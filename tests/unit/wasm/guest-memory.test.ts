import { describe, expect, test } from "bun:test";
import { GuestMemory } from "../../../src/wasm/guest-memory.ts";

const PAGE = 65_536;

function open(pages = 1) {
  const raw = new WebAssembly.Memory({ initial: pages, maximum: 10 });
  return { raw, memory: new GuestMemory(raw), bytes: () => Buffer.from(raw.buffer as ArrayBuffer) };
}

describe("writing text", () => {
  test("writes UTF-8", () => {
    const { memory, bytes } = open();
    expect(memory.writeText(100, "é☃😀!", 10)).toBe(true);
    expect(bytes().toString("utf8", 100, 110)).toBe("é☃😀!");
  });

  test("up to the last byte, and not over it", () => {
    const { memory, bytes } = open();
    expect(memory.writeText(PAGE - 3, "abc", 3)).toBe(true);
    expect(bytes().toString("latin1", PAGE - 3)).toBe("abc");
    expect(memory.writeText(PAGE - 2, "xyz", 3)).toBe(false);
    expect(bytes().toString("latin1", PAGE - 3)).toBe("abc");
  });

  test.each([-1, -16, 0x7fff_ffff, PAGE])("at %d there is no memory", (pointer) => {
    expect(open().memory.writeText(pointer, "a", 1)).toBe(false);
  });

  test("nothing can be written anywhere up to the end", () => {
    expect(open().memory.writeText(PAGE, "", 0)).toBe(true);
  });
});

describe("bounds", () => {
  test.each([
    [0, PAGE, true],
    [PAGE, 0, true],
    [PAGE - 1, 1, true],
    [PAGE - 1, 2, false],
    [PAGE + 1, 0, false],
    [-1, 1, false],
    [0, -1, false],
    [-1, -1, false],
  ])("%d with %d bytes: %p", (pointer, length, isIn) => {
    expect(open().memory.isInBounds(pointer, length)).toBe(isIn);
  });
});

describe("reading text", () => {
  test("reads UTF-8, a genuine replacement character and a byte order mark included", () => {
    const { memory, bytes } = open();
    const text = "\ufeffa\ufffdb😀";
    bytes().write(text, 8, "utf8");
    expect(memory.readText(8, Buffer.byteLength(text))).toBe(text);
  });

  test.each([
    ["a lone byte", [0xff]],
    ["half a character", [0xe2, 0x98]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["an overlong form", [0xc0, 0xaf]],
  ])("%s is no UTF-8", (_what, data) => {
    const { memory, bytes } = open();
    bytes().set(data, 8);
    expect(memory.readText(8, data.length)).toBeNull();
  });
});

test("growth is noticed: a memory that grew is read and written at its new size", () => {
  const { raw, memory } = open();
  expect(memory.writeText(PAGE, "late", 4)).toBe(false);
  raw.grow(1);
  expect(memory.sizeBytes).toBe(2 * PAGE);
  expect(memory.writeText(PAGE, "late", 4)).toBe(true);
  expect(memory.readText(PAGE, 4)).toBe("late");
});
