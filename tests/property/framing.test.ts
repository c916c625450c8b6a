/** Frames survive the wire: whatever is written is read back, however the stream is cut. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameReader } from "../../src/transport/uds/frame-reader.ts";
import { FrameWriter } from "../../src/transport/uds/frame-writer.ts";
import { chunkSizes, cutInto, text } from "./arbitraries.ts";

const MAX_FRAME_BYTES = 16 * 1024 * 1024;

function readAll(chunks: readonly Buffer[]): Buffer[] {
  const reader = new FrameReader(MAX_FRAME_BYTES);
  const frames: Buffer[] = [];
  for (const original of chunks) {
    const chunk = Buffer.from(original);
    reader.feed(chunk);
    while (reader.next()) frames.push(Buffer.from(reader.buffer.subarray(reader.start, reader.end)));
    reader.release();
    // The runtime may reuse a chunk: nothing may be left that looks at it.
    chunk.fill(0xee);
  }
  expect(reader.bufferedBytes).toBe(0);
  return frames;
}

test("what a writer wrote, a reader reads, for every cut of the stream", () => {
  const body = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.uint8Array({ minLength: 4000, maxLength: 5000 }),
  );
  fc.assert(
    fc.property(fc.array(body, { maxLength: 12 }), chunkSizes, (bodies, sizes) => {
      const writer = new FrameWriter();
      for (const bytes of bodies) writer.appendBytes(-1, bytes, MAX_FRAME_BYTES);
      const frames = readAll(cutInto(Buffer.from(writer.view()), sizes));
      expect(frames).toEqual(bodies.map((bytes) => Buffer.from(bytes)));
    }),
  );
});

test("a text is framed as its UTF-8 bytes behind its type", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), text, (type, value) => {
      const writer = new FrameWriter();
      writer.appendText(type, value, MAX_FRAME_BYTES);
      expect(readAll([Buffer.from(writer.view())])).toEqual([
        Buffer.concat([Buffer.of(type), Buffer.from(value)]),
      ]);
    }),
  );
});

test("a length below or above what is allowed is refused, whatever follows", () => {
  const limit = 1000;
  const length = fc.oneof(fc.constant(0), fc.integer({ min: limit + 1, max: 0xffff_ffff }));
  fc.assert(
    fc.property(length, fc.uint8Array({ maxLength: 20 }), (announced, rest) => {
      const bytes = Buffer.alloc(4 + rest.length);
      bytes.writeUInt32BE(announced, 0);
      bytes.set(rest, 4);
      const reader = new FrameReader(limit);
      reader.feed(bytes);
      expect(() => reader.next()).toThrow(
        announced === 0 ? "a frame of length 0" : `a frame of ${announced} bytes`,
      );
    }),
  );
});
