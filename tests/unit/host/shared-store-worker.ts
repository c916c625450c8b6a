/** One of several threads that work on the same shared data and queue at the same time (shared-table.test.ts). */

import { SharedData } from "../../../src/host/shared-data.ts";
import { type SharedMemory, SharedStore } from "../../../src/host/shared-memory.ts";
import { SharedQueues } from "../../../src/host/shared-queues.ts";

declare const self: Worker;

const COUNTER = Buffer.from("counter");

self.onmessage = ({
  data: { shared, rounds },
}: MessageEvent<{ readonly shared: SharedMemory; readonly rounds: number }>) => {
  const store = new SharedStore(shared);
  const data = new SharedData(store);
  const queues = new SharedQueues(store);
  const { queue } = queues.register("", Buffer.from("q"), () => {})!;
  let taken = 0;
  for (let i = 0; i < rounds; i++) {
    increment(data);
    if (queues.enqueue(queue, COUNTER) !== "done") throw new Error("the queue took no item");
    if (queues.dequeue(queue) instanceof Buffer) taken++;
  }
  while (queues.dequeue(queue) instanceof Buffer) taken++;
  self.postMessage(taken);
};

function increment(data: SharedData): void {
  for (;;) {
    const before = data.get("", COUNTER)!;
    const next = Buffer.alloc(4);
    next.writeUInt32LE(before.bytes.readUInt32LE(0) + 1);
    if (data.set("", COUNTER, next, before.cas) === "done") return;
  }
}
