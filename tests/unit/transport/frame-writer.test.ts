import { expect, test } from "bun:test";
import { FrameError } from "../../../src/transport/frame-error.ts";
import { FrameWriter } from "../../../src/transport/uds/frame-writer.ts";

const LIMIT = 64 * 1024 * 1024;

test("a frame without a type is its length and its text", () => {
  const writer = new FrameWriter();
  writer.appendText(-1, "é!", LIMIT);
  expect(writer.view()).toEqual(Buffer.from("00000003c3a921", "hex"));
});

test("the length of a frame with a type counts the type", () => {
  const writer = new FrameWriter();
  writer.appendText(0x20, "ab", LIMIT);
  expect(writer.view()).toEqual(Buffer.from("00000003206162", "hex"));
});

test("bytes are copied as they are, an empty payload included", () => {
  const writer = new FrameWriter();
  const bytes = Buffer.of(0xff, 0x00);
  writer.appendBytes(0x42, bytes, LIMIT);
  bytes.fill(1);
  writer.appendBytes(0x42, Buffer.alloc(0), LIMIT);
  expect(writer.view()).toEqual(Buffer.from("0000000342ff000000000142", "hex"));
});

test("frames gather until they are cleared", () => {
  const writer = new FrameWriter();
  writer.appendText(-1, "a", LIMIT);
  writer.appendText(-1, "b", LIMIT);
  expect(writer.length).toBe(10);
  writer.clear();
  expect(writer.length).toBe(0);
  expect(writer.view()).toHaveLength(0);
});

test("a frame of exactly the limit is written, one byte more throws and leaves nothing behind", () => {
  const writer = new FrameWriter();
  writer.appendText(-1, "first", 10);
  writer.appendText(0x20, "x".repeat(9), 10);
  const before = Buffer.from(writer.view());
  expect(() => writer.appendText(0x20, "x".repeat(10), 10)).toThrow(FrameError);
  expect(() => writer.appendBytes(0x20, Buffer.alloc(10), 10)).toThrow(
    "an answer would need a frame of 11 bytes; the peer accepts at most 10",
  );
  expect(writer.view()).toEqual(before);
});

test("the limit counts UTF-8 bytes, not characters", () => {
  expect(() => new FrameWriter().appendText(-1, "☃".repeat(4), 11)).toThrow(FrameError);
  expect(() => new FrameWriter().appendText(-1, "☃".repeat(4), 12)).not.toThrow();
});

test("grows past its first capacity without losing what is there", () => {
  const writer = new FrameWriter();
  const big = "y".repeat(3_000_000);
  writer.appendText(-1, "small", LIMIT);
  writer.appendText(-1, big, LIMIT);
  expect(writer.view().toString("utf8", 4, 9)).toBe("small");
  expect(writer.view().readUInt32BE(9)).toBe(3_000_000);
  expect(writer.length).toBe(9 + 4 + 3_000_000);
  writer.clear();
  writer.appendText(-1, "again", LIMIT);
  expect(writer.view()).toEqual(Buffer.from("\x00\x00\x00\x05again", "latin1"));
});

test("a view is of what was appended last, also where the bytes have moved and are as many as before", () => {
  const writer = new FrameWriter();
  const fits = "a".repeat(60_000);
  // As many bytes; but three are set aside for each letter, and then the first buffer is too small.
  const grows = "b".repeat(60_000);
  writer.appendBytes(-1, Buffer.from(fits), LIMIT);
  expect(writer.view().toString("latin1", 4)).toBe(fits);
  writer.clear();
  writer.appendText(-1, grows, LIMIT);
  expect(writer.view().toString("latin1", 4)).toBe(grows);
});
