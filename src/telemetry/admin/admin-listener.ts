/** A listening socket of the admin endpoint: a Unix socket, a TCP port, or one that the service manager opened. */

import type { Socket } from "bun";
import type { Log } from "../log.ts";
import { AdminConnection, type AdminConnectionOptions } from "./admin-connection.ts";
import type { RequestHead } from "./http-head.ts";
import type { HttpAnswer } from "./http-response.ts";

export type AdminAddress =
  | { readonly unix: string }
  | { readonly hostname: string; readonly port: number }
  | { readonly fd: number };

export interface AdminListenerOptions {
  handle(request: RequestHead, isRemote: boolean): HttpAnswer | Promise<HttpAnswer>;
  readonly log: Log;
  /** Time for a request, and without progress for its answer. */
  readonly timeoutMs?: number;
  readonly maxConnections?: number;
}

const TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 32;

export class AdminListener {
  readonly #options: AdminListenerOptions;
  readonly #connections = new Set<AdminConnection>();
  readonly #server: Bun.SocketListener<AdminConnection>;

  /** @throws the system's error when the address cannot be listened on. */
  constructor(address: AdminAddress, options: AdminListenerOptions) {
    this.#options = options;
    this.#server = Bun.listen<AdminConnection>({
      ...address,
      allowHalfOpen: true,
      socket: {
        open: (socket: Socket<AdminConnection>) => this.#onOpen(socket),
        data: (socket: Socket<AdminConnection>, chunk: Buffer) => socket.data.onData(chunk),
        drain: (socket: Socket<AdminConnection>) => socket.data.onDrain(),
        end: (socket: Socket<AdminConnection>) => socket.data.onPeerEnd(),
        close: (socket: Socket<AdminConnection>) => socket.data.onClosed(),
        error: (socket: Socket<AdminConnection>) => socket.data.terminate(),
      },
      // Bun's types know no descriptor, its runtime does.
    } as unknown as Bun.UnixSocketOptions<AdminConnection>) as Bun.SocketListener<AdminConnection>;
  }

  /** The TCP port that was chosen for port 0. */
  get port(): number | undefined {
    return (this.#server as Bun.TCPSocketListener<AdminConnection>).port;
  }

  /** Ends what is open, streams included. */
  close(): void {
    this.#server.stop(true);
    for (const connection of [...this.#connections]) connection.terminate();
  }

  #onOpen(socket: Socket<AdminConnection>): void {
    const { timeoutMs = TIMEOUT_MS, maxConnections = MAX_CONNECTIONS } = this.#options;
    if (this.#connections.size >= maxConnections) this.#makeRoom();
    const options: AdminConnectionOptions = {
      isRemote: socket.remoteAddress !== undefined,
      timeoutMs,
      handle: (request, isRemote) => this.#options.handle(request, isRemote),
      onClose: (connection) => this.#connections.delete(connection),
      onBug: (error) =>
        this.#options.log.error("an admin request failed by a fault of the agent", {
          reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    };
    const connection = new AdminConnection(socket, options);
    socket.data = connection;
    this.#connections.add(connection);
    if (this.#connections.size > maxConnections) connection.terminate();
  }

  /** The one that has taken longest over its request goes: so slow peers cannot keep others out. */
  #makeRoom(): void {
    for (const connection of this.#connections) {
      if (!connection.isReading) continue;
      connection.terminate();
      return;
    }
  }
}
