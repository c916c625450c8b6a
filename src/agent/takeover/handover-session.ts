/** One new agent at the running one's private socket, and the steps of the hand-over to it (handover-message.ts). */

import { closeSync } from "node:fs";
import type { Socket } from "bun";
import manifest from "../../../package.json" with { type: "json" };
import {
  MAX_DESCRIPTORS_PER_MESSAGE,
  receiveWithDescriptors,
  sendWithDescriptors,
} from "../../os/descriptor-passing.ts";
import type { SystemCalls } from "../../os/system-calls.ts";
import type { HeldConnection } from "../../transport/uds/connection-state.ts";
import {
  encodeMessage,
  HANDOVER_VERSION,
  type HandoverReply,
  type HandoverRequest,
  MAX_MESSAGE_BYTES,
  readRequest,
} from "./handover-message.ts";
import type { HandoverOwner } from "./handover-server.ts";
import type { LineInbox } from "./line-inbox.ts";
import { writeSnapshot } from "./snapshot.ts";

export type HandoverOutcome =
  | { readonly handedOver: true; readonly connections: number; readonly pausedMs: number }
  | { readonly handedOver: false; readonly reason: string };

export interface HandoverSessionOptions {
  readonly socket: Socket<LineInbox>;
  readonly inbox: LineInbox;
  /** Disposed of by the caller, after the last call. */
  readonly calls: SystemCalls;
  readonly owner: HandoverOwner;
}

/** The new agent may be slow while this one still serves: it starts its module with the configuration it got. */
const PREPARE_WITHIN_MS = 60_000;
/** But not while everybody waits. */
const STEP_WITHIN_MS = 5000;

/** Why the new agent did not get on. */
class HandoverFailure extends Error {}

export class HandoverSession {
  readonly #options: HandoverSessionOptions;
  readonly #descriptor: number;
  #isDeciding = false;

  constructor(options: HandoverSessionOptions) {
    this.#options = options;
    this.#descriptor = (options.socket as unknown as { readonly fd: number }).fd;
  }

  /** Until the new agent asks for everything. Nothing has changed here until then; false when it does not ask. */
  async greet(): Promise<boolean> {
    const hello = await this.#next(STEP_WITHIN_MS);
    if (hello?.type !== "hello") return false;
    if (hello.handover !== HANDOVER_VERSION) {
      this.refuse("version", `this agent hands over by version ${HANDOVER_VERSION}, not ${hello.handover}`);
      return false;
    }
    this.#sendState({
      type: "welcome",
      version: manifest.version,
      pid: process.pid,
      settleMs: this.#options.owner.settleMs,
    });
    return (await this.#next(PREPARE_WITHIN_MS))?.type === "prepare";
  }

  refuse(code: "busy" | "version" | "failed", reason: string): void {
    this.#trySend({ type: "refused", code, reason });
  }

  /** Stops the agent and hands everything over. When that fails, the agent goes on before this resolves. */
  async handOver(): Promise<HandoverOutcome> {
    const { owner, calls } = this.#options;
    const startedAtMs = performance.now();
    try {
      await owner.settle((descriptor) => calls.duplicate(descriptor));
      const { listeningDescriptor, connections } = owner.hold();
      this.#sendState({ type: "held", connections: connections.length }, connections, listeningDescriptor);
      await this.#sendConnections(connections);
      await this.#expect("prepared");
      await this.#commit();
      const pausedMs = Math.round(performance.now() - startedAtMs);
      return { handedOver: true, connections: connections.length, pausedMs };
    } catch (error) {
      owner.release();
      const reason = (error as Error).message;
      this.refuse("failed", reason);
      return { handedOver: false, reason };
    }
  }

  /** Takes everything back, unless it is being decided at this moment. */
  cancel(): void {
    if (!this.#isDeciding) this.#options.inbox.end();
  }

  async #sendConnections(connections: readonly HeldConnection[]): Promise<void> {
    for (let from = 0; from === 0 || from < connections.length; from += MAX_DESCRIPTORS_PER_MESSAGE) {
      await this.#expect("next");
      const to = Math.min(from + MAX_DESCRIPTORS_PER_MESSAGE, connections.length);
      // From here to the system call nothing else runs, so no descriptor can change its meaning.
      const numbers = Array.from({ length: to - from }, (_, i) => from + i).filter(
        (number) => connections[number]!.isOpen,
      );
      const reply = { type: "descriptors", connections: numbers, isLast: to === connections.length } as const;
      this.#send(
        reply,
        numbers.map((number) => connections[number]!.descriptor),
      );
    }
  }

  /**
   * The new agent reads and writes nothing before its confirmation has been written. So when it has gone without one, or
   * none is here after reading was shut down, none can come any more, and it is safe to take everything back.
   */
  async #commit(): Promise<void> {
    const { inbox, calls } = this.#options;
    this.#isDeciding = true;
    try {
      this.#send({ type: "commit" }, []);
      let line = await inbox.take(STEP_WITHIN_MS);
      if (line === null && !inbox.isEnded) {
        calls.shutDownReading(this.#descriptor);
        const late = receiveWithDescriptors(calls, this.#descriptor, MAX_MESSAGE_BYTES);
        if (late !== null) inbox.push(late.bytes);
        line = inbox.takeNow();
      }
      if (line === null || readRequest(line)?.type !== "committed") {
        throw new HandoverFailure("the new agent did not confirm that it has taken over");
      }
    } finally {
      this.#isDeciding = false;
    }
  }

  async #expect(type: HandoverRequest["type"]): Promise<void> {
    const request = await this.#next(STEP_WITHIN_MS);
    if (request === null)
      throw new HandoverFailure(`the new agent went away or fell silent before "${type}"`);
    if (request.type !== type)
      throw new HandoverFailure(`the new agent said "${request.type}" instead of "${type}"`);
  }

  async #next(waitMs: number): Promise<HandoverRequest | null> {
    const line = await this.#options.inbox.take(waitMs);
    return line === null ? null : readRequest(line);
  }

  /** With a file of the agent's state, and of these connections. */
  #sendState(
    reply: HandoverReply,
    connections: readonly HeldConnection[] = [],
    ...descriptors: number[]
  ): void {
    const { calls, owner } = this.#options;
    const file = calls.createMemoryFile("wasm-agent-state");
    try {
      writeSnapshot(file, {
        agent: owner.saveState(),
        connections: connections.map(({ state }) => ({ ...state, socketInode: 0 })),
      });
      this.#send(reply, [file, ...descriptors]);
    } finally {
      closeSync(file);
    }
  }

  #send(reply: HandoverReply, descriptors: readonly number[]): void {
    sendWithDescriptors(this.#options.calls, this.#descriptor, encodeMessage(reply), descriptors);
  }

  #trySend(reply: HandoverReply): void {
    try {
      this.#send(reply, []);
    } catch {
      // It is gone, or does not read; then it need not know.
    }
  }
}
