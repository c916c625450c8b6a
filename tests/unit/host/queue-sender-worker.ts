/** A thread that puts items into a queue which another one has registered (shared-queues.test.ts). */

import { type SharedMemory, SharedStore } from "../../../src/host/shared-memory.ts";
import { SharedQueues } from "../../../src/host/shared-queues.ts";

declare const self: Worker;

self.onmessage = ({
  data: { shared, items },
}: MessageEvent<{ readonly shared: SharedMemory; readonly items: readonly string[] }>) => {
  const queues = new SharedQueues(new SharedStore(shared));
  const queue = queues.resolve("vm", Buffer.from("q"))!;
  for (const item of items) queues.enqueue(queue, Buffer.from(item));
};
