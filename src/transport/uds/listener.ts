/**
 * The listening Unix socket: opened on a path, inherited, or taken over from another process; its connections counted,
 * drained, and handed over.
 */

import type { SocketListener } from "bun";
import type { FrameHandlerFactory } from "../frame-handler.ts";
import type { Log } from "../../telemetry/log.ts";
import type { LoopMetrics } from "../../telemetry/metrics/loop-metrics.ts";
import { RateLimitedLog } from "../../telemetry/rate-limited-log.ts";
import { BUDGET_TICK_MS, BufferBudget } from "./buffer-budget.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import type { MarkMaker } from "./connection-mark.ts";
import type { ConnectionState, HeldConnection } from "./connection-state.ts";
import { DescriptorReserve } from "./descriptor-reserve.ts";
import { EgressBatch } from "./egress-batch.ts";
import { SocketError } from "../socket-error.ts";
import { SocketName } from "./socket-name.ts";
import { permission, prepareSocketPath, stagingPath } from "./socket-path.ts";

export interface ListenerOptions {
  readonly path: string;
  readonly mode: number;
  /** A listening socket that was passed to this process; the path is not touched then. */
  readonly inheritedFd: number | null;
  /** Take the path from a live agent, which then drains and goes, instead of refusing it. */
  readonly takesOver: boolean;
  /** For unfinished frames and unread answers of all connections together. */
  readonly maxBufferedBytes: number;
  /** Another agent has taken the path: new connections go there from now on. */
  onNameLost(): void;
  readonly log: Log;
  readonly metrics: LoopMetrics;
  readonly chooseProtocol: FrameHandlerFactory;
}

/** What one process hands over to another. Descriptors stay this process's own. */
export interface HeldListener {
  readonly listeningDescriptor: number;
  readonly connections: readonly HeldConnection[];
}

/** How often draining looks at the connections. */
const DRAIN_TICK_MS = 25;
/** The same before a hand-over, while peers wait for it. */
const SETTLE_TICK_MS = 1;
/** A connection with nothing in flight for a whole tick is closed; a busy one not before this. */
const DRAIN_BUSY_MS = 2000;

type Server = SocketListener<Connection>;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ConnectionContext;
  readonly #connections = new Set<Connection>();
  readonly #reserve = new DescriptorReserve();
  readonly #refusals: RateLimitedLog;
  readonly #budgetTimer: ReturnType<typeof setInterval>;
  #server: Server | null = null;
  /** Null for a socket that was inherited: its name is somebody else's. */
  #name: SocketName | null = null;
  /** The listening socket while nobody is accepted on it. */
  #heldDescriptor: number | null = null;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#refusals = new RateLimitedLog(options.log);
    const buffers = new BufferBudget({
      limitBytes: options.maxBufferedBytes,
      log: options.log,
      schedule: setImmediate,
    });
    this.#budgetTimer = setInterval(() => buffers.tick(), BUDGET_TICK_MS).unref();
    this.#context = {
      log: options.log,
      chooseProtocol: options.chooseProtocol,
      egress: new EgressBatch({ schedule: setImmediate, countConnections: () => this.#connections.size }),
      buffers,
      metrics: options.metrics,
      onClose: (connection) => this.#connections.delete(connection),
    };
  }

  /** @throws SocketError when the path cannot be served on. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { path, mode, inheritedFd, takesOver } = options;
    const listener = new Listener(options);
    if (inheritedFd !== null) {
      listener.#server = listener.#listenOn(inheritedFd);
      return listener;
    }
    await prepareSocketPath(path, takesOver);
    listener.#server = listener.#listenOnName();
    try {
      listener.#name = SocketName.claim(path, mode, takesOver);
    } catch (error) {
      listener.#server.stop(true);
      throw error;
    }
    listener.#watchName();
    return listener;
  }

  /**
   * Makes ready to go on where another process stops: its connections are held, and nobody is accepted until `release`.
   * The descriptors belong to the listener from now on.
   *
   * @throws FrameError, SocketError; the process is then of no use for them, and should end without touching them.
   */
  static async takeOver(
    options: ListenerOptions,
    listeningDescriptor: number,
    connections: readonly { readonly descriptor: number; readonly state: ConnectionState }[],
  ): Promise<Listener> {
    const listener = new Listener(options);
    listener.#heldDescriptor = listeningDescriptor;
    await Promise.all(connections.map(({ descriptor, state }) => listener.#adopt(descriptor, state)));
    return listener;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Identity of the socket file; null when it is not this listener's. */
  get inode(): bigint | null {
    return this.#name?.inode ?? null;
  }

  /** Events of all connections that were taken and are not answered yet. */
  get pendingCount(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.pendingCount;
    return count;
  }

  /** Unfinished frames and unread answers. */
  get bufferedBytes(): number {
    return this.#context.buffers.heldBytes;
  }

  get bufferCounters(): Readonly<BufferBudget["counters"]> {
    return this.#context.buffers.counters;
  }

  /** Gives a mark to connections that have none yet and have lived for a while; `mayMark` says how many at most. */
  markConnections(makeMark: MarkMaker, mayMark: number): void {
    let left = mayMark;
    for (const connection of this.#connections) {
      if (left <= 0) return;
      if (connection.isMarked) continue;
      connection.markWith(makeMark);
      left--;
    }
  }

  /** Stops accepting and removes the socket file if it is still ours. Connections live on. */
  stopAccepting(): void {
    this.#refusals.flush();
    this.#name?.remove();
    this.#server?.stop(false);
    this.#server = null;
  }

  /**
   * Closes each connection as soon as nothing is in flight on it, and all of them after `timeoutMs`. What a peer has
   * already sent is answered first.
   */
  async drain(timeoutMs: number): Promise<void> {
    const startedAtMs = performance.now();
    for (const connection of this.#connections) connection.takeActivity();
    while (this.#connections.size > 0) {
      await Bun.sleep(DRAIN_TICK_MS);
      const elapsedMs = performance.now() - startedAtMs;
      if (elapsedMs >= timeoutMs) break;
      for (const connection of this.#connections) {
        const wasActive = connection.takeActivity();
        if (connection.isQuiet && (!wasActive || elapsedMs >= DRAIN_BUSY_MS)) connection.end();
      }
    }
    if (this.#connections.size > 0) {
      this.#options.log.warn("closing connections that did not finish in time", {
        connections: this.#connections.size,
        shutdown_timeout_ms: timeoutMs,
      });
    }
    for (const connection of this.#connections) connection.terminate();
    clearInterval(this.#budgetTimer);
  }

  /**
   * Accepts and reads nothing more, and waits until everything in flight is answered. Who connects meanwhile waits in
   * the kernel's queue.
   *
   * @param duplicate makes a second descriptor of the same open file
   */
  async settle(timeoutMs: number, duplicate: (descriptor: number) => number): Promise<void> {
    if (this.#server !== null) {
      this.#heldDescriptor = duplicate(descriptorOf(this.#server));
      this.#server.stop(false);
      this.#server = null;
    }
    for (const connection of this.#connections) connection.stopReading();
    const endAtMs = performance.now() + timeoutMs;
    while (this.#isAnswering() && performance.now() < endAtMs) await Bun.sleep(SETTLE_TICK_MS);
  }

  /**
   * Everything another process can go on with, as it is after `settle`; it changes no more until `release`. Connections
   * that are about to be closed, or still wait for an answer, stay here.
   */
  hold(): HeldListener {
    const connections: HeldConnection[] = [];
    for (const connection of this.#connections) {
      if (connection.isDrained && !connection.isEnding) connections.push(connection.hold());
    }
    if (this.#heldDescriptor === null) throw new Error("settle comes before hold");
    return { listeningDescriptor: this.#heldDescriptor, connections };
  }

  /** Goes on accepting, reading and writing. */
  release(): void {
    for (const connection of this.#connections) connection.release();
    this.#accept();
  }

  /** After `takeOver`: from now on the socket with its name and connections is this listener's. */
  releaseTakenOver(inode: bigint): void {
    this.#name = SocketName.adopt(this.#options.path, this.#options.mode, inode);
    this.#watchName();
    this.release();
  }

  /** What is held is another process's by now: nothing of it is touched any more. */
  forgetHeld(): void {
    this.#name?.forget();
    this.#name = null;
    this.#heldDescriptor = null;
    for (const connection of this.#connections) {
      if (connection.isHeld) this.#connections.delete(connection);
    }
  }

  #accept(): void {
    if (this.#heldDescriptor === null) return;
    this.#server = this.#listenOn(this.#heldDescriptor);
    this.#heldDescriptor = null;
  }

  #isAnswering(): boolean {
    for (const connection of this.#connections) if (!connection.isDrained) return true;
    return false;
  }

  #watchName(): void {
    this.#name?.watch(() => this.#options.onNameLost());
  }

  #listenOnName(): Server {
    const { path } = this.#options;
    try {
      return Bun.listen<Connection>({ ...this.#handlers(), unix: stagingPath(path) });
    } catch (cause) {
      throw permission(path, cause);
    }
  }

  #listenOn(descriptor: number): Server {
    try {
      const options = { ...this.#handlers(), fd: descriptor };
      return Bun.listen<Connection>(options as unknown as Bun.UnixSocketOptions<Connection>);
    } catch (cause) {
      throw new SocketError(
        "socket-inherited",
        `the inherited file descriptor ${descriptor} cannot be served on: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  async #adopt(descriptor: number, state: ConnectionState): Promise<void> {
    const { allowHalfOpen, socket } = this.#handlers();
    let failure: unknown = null;
    const open = (opened: Bun.Socket<Connection>) => {
      try {
        this.#add(opened, Connection.restore(opened, this.#context, state));
      } catch (error) {
        failure = error;
      }
    };
    const options = { fd: descriptor, allowHalfOpen, socket: { ...socket, open } };
    await Bun.connect<Connection>(options as unknown as Bun.UnixSocketOptions<Connection>);
    if (failure !== null) throw failure;
  }

  #add(socket: Bun.Socket<Connection>, connection: Connection): void {
    socket.data = connection;
    this.#connections.add(connection);
  }

  #refuse(socket: Bun.Socket<Connection>): void {
    socket.terminate();
    this.#options.metrics.connections.refused();
    this.#refusals.write(
      "error",
      "descriptors",
      "a connection was closed at once: nearly all file descriptors are in use; raise the limit (ulimit -n, LimitNOFILE=)",
      { connections: this.#connections.size },
    );
  }

  #handlers() {
    return {
      // Half-open: a peer that has sent its last event still waits for the answer.
      allowHalfOpen: true,
      socket: {
        open: (socket: Bun.Socket<Connection>) => {
          if (this.#reserve.isReserved(descriptorOf(socket))) this.#refuse(socket);
          else this.#add(socket, new Connection(socket, this.#context));
        },
        data: (socket: Bun.Socket<Connection>, chunk: Buffer) => socket.data.onData(chunk),
        drain: (socket: Bun.Socket<Connection>) => socket.data.onDrain(),
        end: (socket: Bun.Socket<Connection>) => socket.data.onPeerEnd(),
        // Without data for a connection that was refused.
        close: (socket: Bun.Socket<Connection | undefined>) => socket.data?.onClosed(),
        error: (socket: Bun.Socket<Connection>, error: Error) => {
          this.#options.log.warn("a connection failed", { reason: error.message });
          socket.data.terminate();
        },
      },
    };
  }
}

/** The runtime has it; its types do not. */
function descriptorOf(socket: object): number {
  return (socket as { readonly fd: number }).fd;
}
