/** A new agent that asks a running one for its connections, and stops at a step of the test's choice. Linux only. */

import {
  encodeMessage,
  HANDOVER_VERSION,
  type HandoverRequest,
  MAX_MESSAGE_BYTES,
} from "../../src/agent/takeover/handover-message.ts";
import { receiveWithDescriptors, sendWithDescriptors } from "../../src/os/descriptor-passing.ts";
import { SystemCalls } from "../../src/os/system-calls.ts";
import { handoverPath, inodeOf } from "../../src/transport/uds/socket-path.ts";

const WAIT_MS = 10_000;

export const HELLO: HandoverRequest = {
  type: "hello",
  handover: HANDOVER_VERSION,
  version: "test",
  pid: process.pid,
};

export class HalfTaker implements Disposable {
  readonly #calls = SystemCalls.open()!;
  readonly #socket: number;
  readonly descriptors: number[] = [];
  #isClosed = false;

  constructor(socketPath: string) {
    this.#socket = this.#calls.connectUnix(handoverPath(socketPath, inodeOf(socketPath)!));
  }

  /** Sends a message, or any bytes, and answers the reply; null when the agent has hung up. */
  async say(message: HandoverRequest | Uint8Array): Promise<Record<string, unknown> | null> {
    this.tell(message);
    return this.reply();
  }

  tell(message: HandoverRequest | Uint8Array): void {
    const bytes = message instanceof Uint8Array ? message : encodeMessage(message);
    sendWithDescriptors(this.#calls, this.#socket, bytes, []);
  }

  async reply(): Promise<Record<string, unknown> | null> {
    const endAtMs = performance.now() + WAIT_MS;
    while (performance.now() < endAtMs) {
      const message = receiveWithDescriptors(this.#calls, this.#socket, MAX_MESSAGE_BYTES);
      if (message !== null) {
        this.descriptors.push(...message.descriptors);
        return message.bytes.length === 0
          ? null
          : (JSON.parse(message.bytes.toString()) as Record<string, unknown>);
      }
      await Bun.sleep(1);
    }
    throw new Error(`no reply came within ${WAIT_MS} ms`);
  }

  /** Vanishes, as a process that crashes does. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const descriptor of this.descriptors) this.#calls.close(descriptor);
    this.#calls.close(this.#socket);
    this.#calls[Symbol.dispose]();
  }
}
