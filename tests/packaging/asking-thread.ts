/**
 * A thread that connects to an agent and asks one event, again and again, until it is told to stop. The socket's path
 * is its only argument. It reports once when the first answer is there, and once at its end.
 */

import { V1Proxy } from "../support/fake-proxy.ts";

declare const self: Worker;

export interface AskingReport {
  readonly answers: number;
  /** Why the tries failed that never got a connection. One that is cut by an agent's end was not refused. */
  readonly refused: readonly string[];
}

const path = process.argv[2] ?? "";
const refused: string[] = [];
let answers = 0;
let isStopping = false;

self.onmessage = () => {
  isStopping = true;
};

for (let answersWanted = Number.POSITIVE_INFINITY; answers < answersWanted; ) {
  const proxy = await V1Proxy.connect(path).catch((error: unknown) => {
    refused.push(String(error));
    return null;
  });
  const answer = await proxy?.request({ uri: "/" }).catch(() => null);
  proxy?.wire.terminate();
  if (answer != null) {
    answers++;
    if (answers === 1) self.postMessage({ answers, refused } satisfies AskingReport);
  }
  // One more answer than there was when the end was asked for, so that it comes from the agent that is there then.
  if (isStopping && answersWanted === Number.POSITIVE_INFINITY) answersWanted = answers + 1;
  await Bun.sleep(5);
}
self.postMessage({ answers, refused } satisfies AskingReport);
