import { expect, test } from "bun:test";
import { EgressQueue } from "../../../src/transport/uds/egress-queue.ts";

/** A socket that takes so many bytes in each write and remembers them. */
function kernel(...takes: number[]) {
  const written: string[] = [];
  return {
    written,
    write: (bytes: Buffer): number => {
      const take = Math.min(takes.shift() ?? 0, bytes.length);
      written.push(bytes.toString("utf8", 0, Math.max(0, take)));
      return take;
    },
  };
}

function queueOf(...parts: string[]): EgressQueue {
  const queue = new EgressQueue();
  for (const part of parts) queue.push(Buffer.from(part));
  return queue;
}

test("counts the bytes and the parts that wait", () => {
  const queue = queueOf("abc", "de");
  expect({ bytes: queue.bytes, parts: queue.parts }).toEqual({ bytes: 5, parts: 2 });
});

test("an empty part does not count", () => {
  expect(queueOf("").parts).toBe(0);
});

test("keeps its own copy", () => {
  const queue = new EgressQueue();
  const bytes = Buffer.from("mine");
  queue.push(bytes);
  bytes.fill(0);
  const { written, write } = kernel(99);
  queue.drain(write);
  expect(written).toEqual(["mine"]);
});

test("writes everything, in order, while the socket takes it", () => {
  const queue = queueOf("abc", "de", "f");
  const { written, write } = kernel(99, 99, 99);
  queue.drain(write);
  expect(written.join("|")).toBe("abc|de|f");
  expect({ bytes: queue.bytes, parts: queue.parts }).toEqual({ bytes: 0, parts: 0 });
});

test("stops at the first partial write and goes on from there", () => {
  const queue = queueOf("abcdef", "ghi");
  const first = kernel(2);
  queue.drain(first.write);
  expect(first.written).toEqual(["ab"]);
  expect({ bytes: queue.bytes, parts: queue.parts }).toEqual({ bytes: 7, parts: 2 });
  const second = kernel(1);
  queue.drain(second.write);
  expect(second.written).toEqual(["c"]);
  const third = kernel(99, 99);
  queue.drain(third.write);
  expect(third.written).toEqual(["def", "ghi"]);
  expect(queue.bytes).toBe(0);
});

test.each([0, -1])("a write that answers %d keeps everything", (answer) => {
  const queue = queueOf("abc");
  queue.drain(() => answer);
  expect(queue.bytes).toBe(3);
});

test("clear forgets a half-written part, too", () => {
  const queue = queueOf("abc");
  queue.drain(kernel(1).write);
  queue.clear();
  queue.push(Buffer.from("new"));
  const { written, write } = kernel(99);
  queue.drain(write);
  expect(written).toEqual(["new"]);
});
