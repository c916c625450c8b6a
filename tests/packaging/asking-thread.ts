/**
 * A thread that connects to an agent and asks one question, again and again, until it is told to stop. The socket's path
 * is its only argument. A connection that the agent had accepted may be cut by its end; one that is refused, or never
 * answered, may not happen.
 */

import { V2Proxy } from "../support/fake-proxy.ts";

declare const self: Worker;

const path = process.argv[2] ?? "";
const refused: string[] = [];
let answers = 0;
let isStopping = false;

self.onmessage = () => {
  isStopping = true;
};
self.postMessage("started");

while (!isStopping) {
  try {
    const proxy = await V2Proxy.connect(path);
    await proxy.request({ uri: "/" });
    proxy.wire.terminate();
    answers++;
  } catch (error) {
    refused.push(String(error));
  }
  await Bun.sleep(5);
}
self.postMessage({ answers, refused });
