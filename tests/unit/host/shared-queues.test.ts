/** Queues across threads: whoever registered last is notified, wherever it runs. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { makeSharedMemory, SharedStore } from "../../../src/host/shared-memory.ts";
import { SharedQueues } from "../../../src/host/shared-queues.ts";

test("an item that another thread puts there is announced on this one", async () => {
  const shared = makeSharedMemory({ slots: 256, capacityBytes: 64 * 1024 });
  const queues = new SharedQueues(new SharedStore(shared));
  const items: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  queues.register("vm", Buffer.from("q"), (queue) => {
    items.push(String(queues.dequeue(queue)));
    if (items.length === 3) resolve();
  });
  const worker = new Worker(join(import.meta.dir, "queue-sender-worker.ts"));
  worker.postMessage({ shared, items: ["one", "two", "three"] });
  await promise;
  worker.terminate();
  expect(items).toEqual(["one", "two", "three"]);
});

test("items that were there before a registration are not announced", async () => {
  const queues = new SharedQueues(
    new SharedStore(makeSharedMemory({ slots: 256, capacityBytes: 64 * 1024 })),
  );
  const { queue, registration } = queues.register("", Buffer.from("q"), () => {})!;
  queues.unregister(registration);
  queues.enqueue(queue, Buffer.from("old"));
  const announced: number[] = [];
  queues.register("", Buffer.from("q"), (ready) => announced.push(ready));
  queues.enqueue(queue, Buffer.from("new"));
  while (announced.length === 0) await Bun.sleep(1);
  expect(announced).toEqual([queue]);
  expect(String(queues.dequeue(queue))).toBe("old");
});
