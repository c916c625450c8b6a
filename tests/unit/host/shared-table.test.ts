/** The table behind shared data and queues: it holds what was put there, in bounded memory, for all threads. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { SharedData } from "../../../src/host/shared-data.ts";
import { makeSharedMemory, SharedStore } from "../../../src/host/shared-memory.ts";
import { SharedTable, type TableLimits } from "../../../src/host/shared-table.ts";

const SMALL: TableLimits = { slots: 64, capacityBytes: 2048 };

function makeTable(limits = SMALL): SharedTable {
  const memory = new SharedArrayBuffer(SharedTable.sizeOf(limits));
  SharedTable.format(memory, 0, 1);
  return new SharedTable(memory, 0, limits);
}

const key = (text: string) => Buffer.from(text);

test("gives back what was set, with its tag", () => {
  const table = makeTable();
  expect(table.get(key("a"))).toBeNull();
  expect(table.set(key("a"), key("one"), 7)).toBe(true);
  expect(table.get(key("a"))).toEqual({ bytes: key("one"), tag: 7 });
  expect(table.set(key("a"), key("two and more"), 8)).toBe(true);
  expect(table.get(key("a"))).toEqual({ bytes: key("two and more"), tag: 8 });
  expect(table.size).toBe(1);
});

test("forgets what was deleted", () => {
  const table = makeTable();
  table.set(key("a"), key("1"), 1);
  expect(table.delete(key("a"))).toBe(true);
  expect(table.delete(key("a"))).toBe(false);
  expect(table.has(key("a"))).toBe(false);
  expect(table.size).toBe(0);
});

test("a value that is set again and again needs its room once", () => {
  const table = makeTable();
  for (let i = 0; i < 10_000; i++) expect(table.set(key("counter"), key(`value ${i}`), i)).toBe(true);
  expect(table.get(key("counter"))?.bytes.toString()).toBe("value 9999");
});

test("is full when its bytes are used up, and keeps what it has", () => {
  const table = makeTable();
  expect(table.set(key("big"), Buffer.alloc(1500), 1)).toBe(true);
  expect(table.set(key("more"), Buffer.alloc(1500), 2)).toBe(false);
  expect(table.get(key("big"))?.bytes.length).toBe(1500);
  table.delete(key("big"));
  expect(table.set(key("more"), Buffer.alloc(1500), 2)).toBe(true);
});

test("is full when half of its slots are in use", () => {
  const table = makeTable({ slots: 64, capacityBytes: 64 * 1024 });
  for (let i = 0; i < 32; i++) expect(table.set(key(`k${i}`), key("v"), 1)).toBe(true);
  expect(table.set(key("one more"), key("v"), 1)).toBe(false);
  expect(table.set(key("k0"), key("new"), 1)).toBe(true);
});

test("keys that come and go for ever do not wear it out", () => {
  const table = makeTable();
  for (let i = 0; i < 10_000; i++) {
    expect(table.set(key(`k${i}`), key("v"), 1)).toBe(true);
    if (i >= 10) expect(table.delete(key(`k${i - 10}`))).toBe(true);
  }
  expect(table.size).toBe(10);
});

test("removes all keys with a prefix", () => {
  const table = makeTable();
  for (const name of ["a 1", "a 2", "b 1"]) table.set(key(name), key("v"), 1);
  expect(table.keysOf(key("a ")).map(String).sort()).toEqual(["a 1", "a 2"]);
  table.deletePrefix(key("a "));
  expect(table.size).toBe(1);
  expect(table.has(key("b 1"))).toBe(true);
});

test("a thread that was ended while it moved records leaves an empty table, and no broken one", () => {
  const memory = new SharedArrayBuffer(SharedTable.sizeOf(SMALL));
  SharedTable.format(memory, 0, 1);
  const table = new SharedTable(memory, 0, SMALL);
  table.set(key("a"), key("1"), 1);
  // The word that says so; see SharedTable.
  new Int32Array(memory)[5] = 1;
  expect(table.get(key("a"))).toBeNull();
  expect(table.set(key("b"), key("2"), 1)).toBe(true);
  expect(table.get(key("b"))?.bytes.toString()).toBe("2");
});

test("does what a map does, whatever happens to it", () => {
  const operation = fc.oneof(
    fc.record({ op: fc.constant("set" as const), name: fc.nat(40), size: fc.nat(200) }),
    fc.record({ op: fc.constant("delete" as const), name: fc.nat(40) }),
    fc.record({ op: fc.constant("get" as const), name: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const table = makeTable();
      const model = new Map<string, string>();
      for (const [i, step] of operations.entries()) {
        const name = `key ${step.name}`;
        if (step.op === "set") {
          const value = `${i} `.padEnd(step.size, "x");
          // A full table may refuse, and then keeps what it had.
          if (table.set(key(name), key(value), i)) model.set(name, value);
        } else if (step.op === "delete") expect(table.delete(key(name))).toBe(model.delete(name));
        expect(table.get(key(name))?.bytes.toString()).toBe(model.get(name));
        expect(table.size).toBe(model.size);
      }
    }),
    { numRuns: 200 },
  );
});

describe("between threads", () => {
  const THREADS = 3;
  const ROUNDS = 3000;

  test("no increment of a counter by compare-and-swap is lost, and no item of a queue", async () => {
    const shared = makeSharedMemory({ slots: 1024, capacityBytes: 256 * 1024 });
    const data = new SharedData(new SharedStore(shared));
    // A key that is not there takes any number, so the counter has to be there before.
    data.set("", key("counter"), Buffer.alloc(4), 0);
    const workers = Array.from(
      { length: THREADS },
      () => new Worker(join(import.meta.dir, "shared-store-worker.ts")),
    );
    const results = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<number>((resolve) => {
            worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
            worker.postMessage({ shared, rounds: ROUNDS });
          }),
      ),
    );
    for (const worker of workers) worker.terminate();
    expect(data.get("", key("counter"))?.bytes.readUInt32LE(0)).toBe(THREADS * ROUNDS);
    expect(results.reduce((a, b) => a + b, 0)).toBe(THREADS * ROUNDS);
  }, 60_000);
});
