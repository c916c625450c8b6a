/**
 * The listening Unix socket: opened on a path or inherited, its file mode set, its connections counted and drained.
 */

import { chmodSync, linkSync, lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import type { UnixSocketListener } from "bun";
import type { FrameHandlerFactory } from "../frame-handler.ts";
import type { Log } from "../../telemetry/log.ts";
import { RateLimitedLog } from "../../telemetry/rate-limited-log.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import { DescriptorReserve } from "./descriptor-reserve.ts";
import { EgressBatch } from "./egress-batch.ts";
import { SocketError } from "../socket-error.ts";
import { permission, prepareSocketPath, socketInUse, stagingPath } from "./socket-path.ts";

export interface ListenerOptions {
  readonly path: string;
  readonly mode: number;
  /** A listening socket that was passed to this process; the path is not touched then. */
  readonly inheritedFd: number | null;
  /** Take the path from a live agent, which then drains and goes, instead of refusing it. */
  readonly takesOver: boolean;
  /** Another agent has taken the path: new connections go there from now on. */
  onNameLost(): void;
  readonly log: Log;
  readonly chooseProtocol: FrameHandlerFactory;
}

/** How often draining looks at the connections. */
const DRAIN_TICK_MS = 25;
/** A connection with nothing under way for a whole tick is closed; a busy one not before this. */
const DRAIN_BUSY_MS = 2000;
/** How often the listener looks whether its name is still its own. */
const NAME_CHECK_MS = 250;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #connections = new Set<Connection>();
  readonly #reserve = new DescriptorReserve();
  readonly #refusals: RateLimitedLog;
  readonly #server: UnixSocketListener<Connection>;
  /** Identity of our socket file, so that only our own is ever removed. */
  readonly #inode: bigint | null;
  #nameCheck: ReturnType<typeof setInterval> | null = null;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#refusals = new RateLimitedLog(options.log);
    this.#server = this.#listen();
    this.#inode = options.inheritedFd === null ? this.#claimName() : null;
    if (this.#inode !== null) this.#watchName(this.#inode);
  }

  /** @throws SocketError when the path cannot be served on. */
  static async open(options: ListenerOptions): Promise<Listener> {
    if (options.inheritedFd === null) await prepareSocketPath(options.path, options.takesOver);
    return new Listener(options);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Stops accepting and removes the socket file if it is still ours. Connections live on. */
  stopAccepting(): void {
    this.#stopWatchingName();
    this.#refusals.flush();
    const path = this.#options.path;
    if (this.#inode !== null && inodeOf(path) === this.#inode) unlinkSync(path);
    this.#server.stop(false);
  }

  /**
   * Closes each connection as soon as nothing is under way on it, and all of them after `timeoutMs`. What a peer has
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
  }

  #listen(): UnixSocketListener<Connection> {
    const context: ConnectionContext = {
      log: this.#options.log,
      chooseProtocol: this.#options.chooseProtocol,
      egress: new EgressBatch({ schedule: setImmediate, countConnections: () => this.#connections.size }),
      onClose: (connection) => this.#connections.delete(connection),
    };
    const handlers = {
      // Half-open: a peer that has sent its last question still waits for the answer.
      allowHalfOpen: true,
      socket: {
        open: (socket: Bun.Socket<Connection>) => {
          if (this.#reserve.isReserved(descriptorOf(socket))) {
            this.#refuse(socket);
            return;
          }
          const connection = new Connection(socket, context);
          socket.data = connection;
          this.#connections.add(connection);
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
    const { path, inheritedFd } = this.#options;
    try {
      return inheritedFd === null
        ? Bun.listen<Connection>({ ...handlers, unix: stagingPath(path) })
        : Bun.listen<Connection>({
            ...handlers,
            fd: inheritedFd,
          } as unknown as Bun.UnixSocketOptions<Connection>);
    } catch (cause) {
      if (inheritedFd === null) throw permission(path, cause);
      throw new SocketError(
        "socket-inherited",
        `the inherited file descriptor ${inheritedFd} cannot be served on: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  #refuse(socket: Bun.Socket<Connection>): void {
    socket.terminate();
    this.#refusals.write(
      "error",
      "descriptors",
      "a connection was closed at once: nearly all file descriptors are in use; raise the limit (ulimit -n, LimitNOFILE=)",
      { connections: this.#connections.size },
    );
  }

  /**
   * Gives the socket its mode, then its name: nobody can connect before the mode holds. A link, unlike a rename,
   * refuses a name that another agent has taken in the meantime. Bun unlinks the name it bound when it stops, so that
   * must not be the public one: by then it could be somebody else's.
   */
  #claimName(): bigint | null {
    const { path, mode, takesOver } = this.#options;
    const staging = stagingPath(path);
    try {
      chmodSync(staging, mode);
      if (takesOver) renameSync(staging, path);
      else linkSync(staging, path);
    } catch (cause) {
      this.#server.stop(true);
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw socketInUse(path);
      throw permission(path, cause);
    } finally {
      rmSync(staging, { force: true });
    }
    return inodeOf(path);
  }

  /** A removed name (a cleaner of temporary files, say) is not a lost one: connections live on, and nobody else serves. */
  #watchName(inode: bigint): void {
    this.#nameCheck = setInterval(() => {
      const current = inodeOf(this.#options.path);
      if (current === null || current === inode) return;
      this.#stopWatchingName();
      this.#options.onNameLost();
    }, NAME_CHECK_MS);
  }

  #stopWatchingName(): void {
    if (this.#nameCheck !== null) clearInterval(this.#nameCheck);
    this.#nameCheck = null;
  }
}

/** The runtime has it; its types do not. */
function descriptorOf(socket: object): number {
  return (socket as { readonly fd: number }).fd;
}

function inodeOf(path: string): bigint | null {
  try {
    return lstatSync(path, { bigint: true }).ino;
  } catch {
    return null;
  }
}
