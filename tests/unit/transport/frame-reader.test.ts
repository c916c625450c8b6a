import { describe, expect, test } from "bun:test";
import { FrameError } from "../../../src/transport/frame-error.ts";
import { FrameReader } from "../../../src/transport/uds/frame-reader.ts";
import { v1Frame } from "../../support/frames.ts";

const LIMIT = 1024;

function readerWith(...chunks: Uint8Array[]): FrameReader {
  const reader = new FrameReader(LIMIT);
  for (const chunk of chunks) reader.feed(Buffer.from(chunk));
  return reader;
}

const current = (reader: FrameReader): string => reader.buffer.toString("utf8", reader.start, reader.end);

function errorOf(run: () => unknown): FrameError {
  try {
    run();
  } catch (error) {
    if (error instanceof FrameError) return error;
  }
  throw new Error("no FrameError was thrown");
}

describe("next", () => {
  test("finds nothing in nothing", () => {
    expect(readerWith().next()).toBe(false);
  });

  test("waits while even the length is incomplete", () => {
    const reader = readerWith(Buffer.of(0, 0, 0));
    expect(reader.next()).toBe(false);
    expect(reader.bufferedBytes).toBe(3);
  });

  test("moves through all frames of a chunk", () => {
    const reader = readerWith(Buffer.concat([v1Frame("one"), v1Frame("two")]));
    expect(reader.next()).toBe(true);
    expect(current(reader)).toBe("one");
    expect(reader.next()).toBe(true);
    expect(current(reader)).toBe("two");
    expect(reader.next()).toBe(false);
    expect(reader.bufferedBytes).toBe(0);
  });

  test("a frame that lies whole in its chunk is a view onto the chunk, not a copy", () => {
    const chunk = v1Frame("view");
    const reader = new FrameReader(LIMIT);
    reader.feed(chunk);
    reader.next();
    expect(reader.buffer.buffer).toBe(chunk.buffer);
  });

  test("a frame across chunks is put together", () => {
    const frame = v1Frame("across");
    const reader = readerWith(frame.subarray(0, 6), frame.subarray(6));
    expect(reader.next()).toBe(true);
    expect(current(reader)).toBe("across");
  });

  test("a length of zero is refused, since every frame has a body", () => {
    const error = errorOf(() => readerWith(Buffer.alloc(4)).next());
    expect(error.code).toBe("frame-empty");
    expect(error.message).toBe("the peer sent a frame of length 0; every frame carries at least one byte");
  });

  test("a length of exactly the limit is taken", () => {
    expect(readerWith(v1Frame(Buffer.alloc(LIMIT))).next()).toBe(true);
  });

  test("a length above the limit is refused before any of its body has come", () => {
    const head = v1Frame(Buffer.alloc(LIMIT + 1)).subarray(0, 4);
    const error = errorOf(() => readerWith(head).next());
    expect(error.code).toBe("frame-too-large");
    expect(error.message).toBe("the peer announced a frame of 1025 bytes; at most 1024 are allowed");
  });

  test("a length with the highest bit set is a large number, not a negative one", () => {
    const error = errorOf(() => readerWith(Buffer.of(0xff, 0xff, 0xff, 0xff)).next());
    expect(error.message).toContain("a frame of 4294967295 bytes");
  });
});

describe("release", () => {
  test("keeps half a frame when the chunk is overwritten afterwards", () => {
    const chunk = Buffer.concat([v1Frame("done"), v1Frame("half")]).subarray(0, 14);
    const reader = new FrameReader(LIMIT);
    reader.feed(chunk);
    reader.next();
    reader.release();
    chunk.fill(0xee);
    reader.feed(v1Frame("half").subarray(6));
    expect(reader.next()).toBe(true);
    expect(current(reader)).toBe("half");
  });

  test("forgets everything once all frames were taken", () => {
    const reader = readerWith(v1Frame("x"));
    reader.next();
    reader.release();
    expect(reader.buffer.length).toBe(0);
    expect(reader.bufferedBytes).toBe(0);
  });

  test("memory follows what arrived, not what a length promises", () => {
    const reader = new FrameReader(16 * 1024 * 1024);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(16 * 1024 * 1024, 0);
    reader.feed(head);
    reader.next();
    reader.release();
    expect(reader.buffer.length).toBeLessThanOrEqual(4096);
  });
});

describe("peekFirstByte", () => {
  test("is -1 until the byte after the length is there", () => {
    expect(readerWith().peekFirstByte()).toBe(-1);
    expect(readerWith(Buffer.of(0, 0, 0, 9)).peekFirstByte()).toBe(-1);
    expect(readerWith(Buffer.of(0, 0, 0, 9, 0x7b)).peekFirstByte()).toBe(0x7b);
  });

  test("refuses an impossible length at once", () => {
    expect(errorOf(() => readerWith(Buffer.alloc(4)).peekFirstByte()).code).toBe("frame-empty");
  });

  test("moves nothing", () => {
    const reader = readerWith(v1Frame("a"));
    reader.peekFirstByte();
    expect(reader.next()).toBe(true);
    expect(current(reader)).toBe("a");
  });
});

test("a buffer that one large frame needed is given back while the next one has only begun", () => {
  const reader = new FrameReader(1_000_000);
  const large = v1Frame("x".repeat(900_000));
  reader.feed(large.subarray(0, 500_000));
  expect(reader.next()).toBe(false);
  reader.release();
  reader.feed(Buffer.concat([large.subarray(500_000), v1Frame("next").subarray(0, 6)]));
  expect(reader.next()).toBe(true);
  expect(reader.next()).toBe(false);
  reader.release();
  expect(reader.buffer.length).toBe(1024);
  expect(reader.heldBytes).toBe(6);
  reader.feed(v1Frame("next").subarray(6));
  expect(reader.next()).toBe(true);
  expect(current(reader)).toBe("next");
});
