/**
 * The side of the running agent: waits on a private socket for a new agent that wants to take over, and hands it the
 * listening socket and all connections. Until the new one has confirmed that it has them, everything can be taken back.
 */

import type { Socket, UnixSocketListener } from "bun";
import { SystemCalls } from "../../os/system-calls.ts";
import type { Log } from "../../telemetry/log.ts";
import type { HeldListener } from "../../transport/uds/listener.ts";
import { SocketName } from "../../transport/uds/socket-name.ts";
import { fitsSocketPath, handoverPath, stagingPath } from "../../transport/uds/socket-path.ts";
import type { AgentState } from "./agent-state.ts";
import { type HandoverOutcome, HandoverSession } from "./handover-session.ts";
import { LineInbox } from "./line-inbox.ts";

/** The agent, as far as a hand-over needs it. */
export interface HandoverOwner {
  saveState(): AgentState;
  /** How long `settle` may take. */
  readonly settleMs: number;
  /** Stops accepting and reading, and answers what is in flight. */
  settle(duplicate: (descriptor: number) => number): Promise<void>;
  /** What can be handed over after `settle`. */
  hold(): HeldListener;
  /** Goes on as if nothing had happened. */
  release(): void;
  /** Everything that was held is the new agent's; this one can end. */
  onHandedOver(): void;
}

export interface HandoverServerOptions {
  /** Of the public socket, with its identity. */
  readonly socketPath: string;
  readonly socketInode: bigint;
  readonly owner: HandoverOwner;
  readonly log: Log;
}

/** Nobody else may connect, even before credentials are looked at. */
const MODE = 0o600;

export class HandoverServer {
  readonly #options: HandoverServerOptions;
  readonly #server: UnixSocketListener<LineInbox>;
  /** Null once it is the new agent's. */
  #name: SocketName | null;
  /** The one that has stopped the agent; one at a time. */
  #session: HandoverSession | null = null;
  #ended: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(options: HandoverServerOptions, path: string) {
    this.#options = options;
    this.#server = Bun.listen<LineInbox>({
      unix: stagingPath(path),
      socket: {
        open: (socket) => {
          socket.data = new LineInbox();
          void this.#serve(socket);
        },
        data: (socket, chunk) => socket.data.push(chunk),
        end: (socket) => socket.data.end(),
        close: (socket) => socket.data.end(),
        error: (socket) => socket.data.end(),
      },
    });
    try {
      this.#name = SocketName.claim(path, MODE, true);
    } catch (error) {
      this.#server.stop(true);
      throw error;
    }
  }

  /** Null where connections cannot be handed over; a new agent then takes the name of the socket alone. */
  static open(options: HandoverServerOptions): HandoverServer | null {
    if (!SystemCalls.isSupported) return null;
    const path = handoverPath(options.socketPath, options.socketInode);
    try {
      if (!fitsSocketPath(path)) throw new Error(`the path ${path} is too long for a socket`);
      return new HandoverServer(options, path);
    } catch (error) {
      options.log.warn("a new agent will not be able to take this one's connections over", {
        reason: (error as Error).message,
      });
      return null;
    }
  }

  /** Takes a hand-over back that is not committed; waits for one that is being decided. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#name?.remove();
    this.#server.stop(false);
    this.#session?.cancel();
    await this.#ended;
  }

  async #serve(socket: Socket<LineInbox>): Promise<void> {
    const { owner, log } = this.#options;
    using calls = SystemCalls.open();
    let session: HandoverSession | null = null;
    try {
      if (calls === null || !this.#isTrusted(calls, socket)) return;
      session = new HandoverSession({ socket, inbox: socket.data, calls, owner });
      if (this.#refuses(session) || !(await session.greet()) || this.#refuses(session)) return;
      this.#session = session;
      const handingOver = session.handOver();
      this.#ended = handingOver;
      this.#report(await handingOver);
    } catch (error) {
      log.error("the socket for hand-overs failed", { reason: (error as Error).message });
    } finally {
      if (this.#session === session) this.#session = null;
      socket.end();
    }
  }

  #refuses(session: HandoverSession): boolean {
    if (this.#isClosed) session.refuse("failed", "the running agent is stopping");
    else if (this.#session !== null) session.refuse("busy", "another agent is taking over at the moment");
    else return false;
    return true;
  }

  #report(outcome: HandoverOutcome): void {
    const { owner, log } = this.#options;
    if (!outcome.handedOver) {
      log.warn("a new agent could not take over; this one serves on", { reason: outcome.reason });
      return;
    }
    // The new agent takes it at this moment: from here on it is not looked at, and not removed.
    this.#name = null;
    this.#server.stop(false);
    log.info("handed over to a new agent", { connections: outcome.connections, paused_ms: outcome.pausedMs });
    owner.onHandedOver();
  }

  /** Connections carry requests with their secrets: only this agent's own user gets them. */
  #isTrusted(calls: SystemCalls, socket: Socket<LineInbox>): boolean {
    const uid = calls.peerUserId((socket as unknown as { readonly fd: number }).fd);
    if (uid === process.geteuid?.()) return true;
    this.#options.log.warn("another user's process asked for this agent's connections; it was refused", {
      uid,
    });
    return false;
  }
}
