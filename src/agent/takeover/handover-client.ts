/**
 * The side of the new agent: asks the one that listens on a socket for its listening socket and connections
 * (handover-message.ts). It reads and writes nothing of them before `confirm`; so if it fails or ends before, the running
 * agent goes on.
 */

import { closeSync } from "node:fs";
import { resolve } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { receiveWithDescriptors, sendWithDescriptors } from "../../os/descriptor-passing.ts";
import { SystemCallError, SystemCalls } from "../../os/system-calls.ts";
import { SocketError } from "../../transport/socket-error.ts";
import type { ConnectionState } from "../../transport/uds/connection-state.ts";
import { handoverPath, inodeOf, lifeOf } from "../../transport/uds/socket-path.ts";
import type { AgentState } from "./agent-state.ts";
import {
  encodeMessage,
  HANDOVER_VERSION,
  type HandoverReply,
  type HandoverRequest,
  MAX_MESSAGE_BYTES,
  readReply,
} from "./handover-message.ts";
import { LineInbox } from "./line-inbox.ts";
import { readSnapshot, type Snapshot } from "./snapshot.ts";

/** What the running agent hands over. The descriptors are this process's own. */
export interface Handover {
  readonly agent: AgentState;
  readonly listeningDescriptor: number;
  readonly connections: readonly { readonly descriptor: number; readonly state: ConnectionState }[];
}

/** Why no connections can be taken over; a sentence for the log. */
export interface NoHandover {
  readonly reason: string;
  /** Whether an agent serves on the socket: it closes its connections when its name is taken. */
  readonly isServed: boolean;
}

type Welcome = Extract<HandoverReply, { type: "welcome" }>;

/** An agent that does not even greet is not one that can be waited for. */
const GREET_WITHIN_MS = 5000;
const STEP_WITHIN_MS = 5000;
/** Another take-over may be in progress, and an agent that has just started opens its private socket last. */
const TRIES = 50;
const TRY_EVERY_MS = 100;
/** Without a private socket for so many tries, the agent is of version 1.0, which has none. */
const TRIES_WITHOUT_SOCKET = 3;
/** An agent that hangs up instead of greeting may be out of descriptors for a moment. */
const TRIES_WITHOUT_GREETING = 3;

const NOBODY: NoHandover = { reason: "nobody listens on the socket", isServed: false };
/** How long this thread may sleep in the system for a message; the event loop has little else to do. */
const WAIT_MS = 2;

export class HandoverClient implements Disposable {
  /** Identity of the public socket. */
  readonly socketInode: bigint;
  readonly #socketPath: string;
  readonly #calls: SystemCalls;
  readonly #descriptor: number;
  readonly #inbox = new LineInbox();
  readonly #descriptors: number[] = [];
  #welcome: Welcome | null = null;
  #agent: AgentState | null = null;

  private constructor(socketPath: string, socketInode: bigint, calls: SystemCalls, descriptor: number) {
    this.#socketPath = socketPath;
    this.socketInode = socketInode;
    this.#calls = calls;
    this.#descriptor = descriptor;
  }

  /**
   * Greets the agent that listens on `socketPath`, which goes on serving. The caller disposes of the client.
   *
   * @throws SocketError `socket-takeover-failed` when there is one that could hand over, but does not.
   */
  static async connect(socketPath: string): Promise<HandoverClient | NoHandover> {
    const calls = SystemCalls.open();
    if (calls === null) {
      return {
        reason: "this system has no way to pass connections on",
        isServed: await isServed(socketPath),
      };
    }
    for (let tries = 1; ; tries++) {
      const client = await HandoverClient.#try(socketPath, calls, tries);
      if (client instanceof HandoverClient) return client;
      if (client !== null) {
        calls[Symbol.dispose]();
        return client;
      }
      await Bun.sleep(TRY_EVERY_MS);
    }
  }

  /** Null to try again. */
  static async #try(
    socketPath: string,
    calls: SystemCalls,
    tries: number,
  ): Promise<HandoverClient | NoHandover | null> {
    const inode = inodeOf(socketPath);
    if (inode === null) return NOBODY;
    let descriptor: number;
    try {
      descriptor = calls.connectUnix(resolve(handoverPath(socketPath, inode)));
    } catch (error) {
      if (!(await isServed(socketPath))) return NOBODY;
      const { code, message } = error as SystemCallError;
      if (code === "EACCES") return { reason: "the running agent is another user's", isServed: true };
      if (code === "ENOENT" && tries >= TRIES_WITHOUT_SOCKET) {
        return { reason: "the running agent is of a version that keeps its connections", isServed: true };
      }
      return tries < TRIES ? null : { reason: message, isServed: true };
    }
    const client = new HandoverClient(socketPath, inode, calls, descriptor);
    const refusal = await client.#greet();
    if (refusal === null) return client;
    calls.close(descriptor);
    if (client.#inbox.isEnded) {
      if (!(await isServed(socketPath))) return NOBODY;
      if (tries < TRIES_WITHOUT_GREETING) return null;
      throw client.#failed("it hung up instead of greeting; its log says why");
    }
    return refusal.isBusy && tries < TRIES ? null : { reason: refusal.reason, isServed: true };
  }

  /** As of the greeting. */
  get agent(): AgentState {
    if (this.#agent === null) throw new Error("the running agent has not been greeted");
    return this.#agent;
  }

  /** Facts for the log. */
  describe(): { readonly from_version: string; readonly from_pid: number } {
    return { from_version: this.#welcome?.version ?? "", from_pid: this.#welcome?.pid ?? 0 };
  }

  /**
   * Stops the running agent and takes everything over from it; it waits for `confirm` from now on.
   *
   * @throws SocketError
   */
  async receive(): Promise<Handover> {
    this.#send({ type: "prepare" });
    const held = await this.#expect("held", (this.#welcome?.settleMs ?? 0) + STEP_WITHIN_MS);
    const [file, listeningDescriptor] = this.#takeDescriptors(2);
    const snapshot = this.#readState(file!);
    const connections: { descriptor: number; state: ConnectionState }[] = [];
    for (let isLast = false; !isLast; ) {
      this.#send({ type: "next" });
      const reply = await this.#expect("descriptors", STEP_WITHIN_MS);
      isLast = reply.isLast;
      const descriptors = this.#takeDescriptors(reply.connections.length);
      for (const [i, number] of reply.connections.entries()) {
        const state = snapshot.connections[number];
        if (state === undefined) throw this.#failed(`it has no connection ${number} of ${held.connections}`);
        connections.push({ descriptor: descriptors[i]!, state });
      }
    }
    return { agent: snapshot.agent, listeningDescriptor: listeningDescriptor!, connections };
  }

  /**
   * Says that everything is here and can be served; resolves when the running agent agrees.
   *
   * @throws SocketError
   */
  async prepared(): Promise<void> {
    this.#send({ type: "prepared" });
    await this.#expect("commit", STEP_WITHIN_MS);
  }

  /**
   * From here on everything is this process's. Serve without another await.
   *
   * @throws SocketError when the running agent has taken everything back.
   */
  confirm(): void {
    this.#send({ type: "committed" });
  }

  [Symbol.dispose](): void {
    this.#calls.close(this.#descriptor);
    this.#calls[Symbol.dispose]();
  }

  /** Null when the agent has answered. */
  async #greet(): Promise<{ readonly reason: string; readonly isBusy?: boolean } | null> {
    // In a folder that is open to all, the private socket could be anybody's.
    if (this.#calls.peerUserId(this.#descriptor) !== process.geteuid?.()) {
      return { reason: "the running agent is another user's" };
    }
    this.#send({ type: "hello", handover: HANDOVER_VERSION, version: manifest.version, pid: process.pid });
    const reply = await this.#next(GREET_WITHIN_MS);
    if (reply === null) return { reason: "the running agent does not answer" };
    if (reply.type === "refused") return { reason: reply.reason, isBusy: reply.code === "busy" };
    if (reply.type !== "welcome") throw this.#failed(`it said "${reply.type}" instead of "welcome"`);
    this.#welcome = reply;
    const [file] = this.#takeDescriptors(1);
    this.#agent = this.#readState(file!).agent;
    return null;
  }

  async #expect<Type extends HandoverReply["type"]>(
    type: Type,
    waitMs: number,
  ): Promise<Extract<HandoverReply, { type: Type }>> {
    const reply = await this.#next(waitMs);
    if (reply === null) throw this.#failed(`it went away or fell silent before "${type}"`);
    if (reply.type === "refused") throw this.#failed(reply.reason);
    if (reply.type !== type) throw this.#failed(`it said "${reply.type}" instead of "${type}"`);
    return reply as Extract<HandoverReply, { type: Type }>;
  }

  /** Null when nothing that can be read came in time. */
  async #next(waitMs: number): Promise<HandoverReply | null> {
    const endAtMs = performance.now() + waitMs;
    while (performance.now() < endAtMs) {
      const line = this.#inbox.takeNow();
      if (line !== null) return readReply(line);
      if (this.#inbox.isEnded) return null;
      this.#receive();
      // Threads of the module may have something to say to this one.
      await new Promise(setImmediate);
    }
    return null;
  }

  #receive(): void {
    if (!this.#calls.waitReadable(this.#descriptor, WAIT_MS)) return;
    try {
      const message = receiveWithDescriptors(this.#calls, this.#descriptor, MAX_MESSAGE_BYTES);
      if (message === null) return;
      this.#descriptors.push(...message.descriptors);
      if (message.bytes.length === 0) this.#inbox.end();
      else this.#inbox.push(message.bytes);
    } catch (error) {
      if (error instanceof SystemCallError && error.code === "ECONNRESET") this.#inbox.end();
      else throw this.#failed((error as Error).message);
    }
  }

  #takeDescriptors(count: number): readonly number[] {
    if (this.#descriptors.length !== count) {
      throw this.#failed(`it passed ${this.#descriptors.length} descriptors instead of ${count}`);
    }
    return this.#descriptors.splice(0);
  }

  #readState(file: number): Snapshot {
    try {
      return readSnapshot(file);
    } catch (error) {
      throw this.#failed((error as Error).message);
    } finally {
      closeSync(file);
    }
  }

  #send(request: HandoverRequest): void {
    try {
      sendWithDescriptors(this.#calls, this.#descriptor, encodeMessage(request), []);
    } catch (error) {
      throw this.#failed((error as Error).message);
    }
  }

  #failed(reason: string): SocketError {
    return new SocketError(
      "socket-takeover-failed",
      `the agent that listens on ${this.#socketPath} did not hand its connections over, and goes on serving: ${reason}`,
    );
  }
}

async function isServed(socketPath: string): Promise<boolean> {
  return (await lifeOf(socketPath)).kind === "listening";
}
