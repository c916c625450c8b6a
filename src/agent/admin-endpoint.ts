/**
 * Opens what the admin endpoint listens on: a Unix socket beside the agent's own, a TCP port if one was asked for, and
 * sockets that the service manager passed on.
 */

import { AdminListener, type AdminListenerOptions } from "../telemetry/admin/admin-listener.ts";
import type { Log } from "../telemetry/log.ts";
import { SocketError } from "../transport/socket-error.ts";
import { SocketName } from "../transport/uds/socket-name.ts";
import { lifeOf, permission, prepareSocketPath, stagingPath } from "../transport/uds/socket-path.ts";
import type { Settings } from "./settings.ts";

export interface TcpAddress {
  readonly hostname: string;
  readonly port: number;
}

export interface AdminEndpointOptions extends AdminListenerOptions {
  readonly settings: Pick<Settings, "adminSocketPath" | "adminAddress" | "socketPath" | "takeover">;
  readonly log: Log;
  /** Descriptors of listening sockets. */
  readonly inheritedFds: readonly number[];
}

/** Nobody but the agent's own user changes anything. */
const SOCKET_MODE = 0o600;

export class AdminEndpoint {
  readonly #options: AdminEndpointOptions;
  readonly #listeners: AdminListener[] = [];
  readonly #path: string | null;
  readonly #isPathChosen: boolean;
  #name: SocketName | null = null;
  /** Why there is none. It is told once the agent serves: one that cannot start says why, and nothing else. */
  #problem: SocketError | null = null;

  private constructor(options: AdminEndpointOptions) {
    const { settings, inheritedFds } = options;
    this.#options = options;
    this.#isPathChosen = settings.adminSocketPath !== null;
    const beside = inheritedFds.length > 0 ? "none" : `${settings.socketPath}.admin`;
    const path = settings.adminSocketPath ?? beside;
    this.#path = path === "none" ? null : path;
  }

  /**
   * Opens everything, but for a socket that a running agent still uses and is to lose: see `claim`.
   *
   * @throws SocketError when something that was asked for cannot be listened on.
   */
  static async open(options: AdminEndpointOptions): Promise<AdminEndpoint> {
    const endpoint = new AdminEndpoint(options);
    try {
      for (const fd of options.inheritedFds) endpoint.#listenInherited(fd);
      if (options.settings.adminAddress !== null) endpoint.#listenTcp(options.settings.adminAddress);
      const path = endpoint.#path;
      if (path !== null && !(options.settings.takeover && (await lifeOf(path)).kind === "listening"))
        await endpoint.#listenUnix(path);
    } catch (error) {
      endpoint.close();
      throw error;
    }
    return endpoint;
  }

  /** The agent serves, so the socket path of one that it took over from is its own now. Whatever happens, it serves on. */
  async claim(): Promise<void> {
    if (this.#path === null || this.#name !== null) return;
    try {
      if (this.#problem !== null) throw this.#problem;
      await this.#claimPath(this.#path);
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      this.#options.log.warn("there is no admin socket; choose another --admin-socket, or none", {
        code: error.code,
        reason: error.message,
      });
    }
  }

  close(): void {
    this.#name?.remove();
    this.#name = null;
    for (const listener of this.#listeners.splice(0)) listener.close();
  }

  /** The path beside the agent's own was not asked for, so it is no reason not to start. */
  async #listenUnix(path: string): Promise<void> {
    try {
      await this.#claimPath(path);
    } catch (error) {
      if (this.#isPathChosen || !(error instanceof SocketError)) throw error;
      this.#problem = error;
    }
  }

  async #claimPath(path: string): Promise<void> {
    const { takeover } = this.#options.settings;
    await prepareSocketPath(path, takeover);
    const listener = this.#listenAt(stagingPath(path), path);
    try {
      this.#name = SocketName.claim(path, SOCKET_MODE, takeover);
    } catch (error) {
      listener.close();
      throw error;
    }
    this.#listeners.push(listener);
  }

  #listenAt(unix: string, path: string): AdminListener {
    try {
      return new AdminListener({ unix }, this.#options);
    } catch (cause) {
      throw permission(path, cause);
    }
  }

  #listenTcp({ hostname, port }: TcpAddress): void {
    try {
      const listener = new AdminListener({ hostname, port }, this.#options);
      this.#listeners.push(listener);
      this.#options.log.info("the admin endpoint listens on TCP", { hostname, port: listener.port ?? port });
    } catch (cause) {
      throw new SocketError(
        "socket-failed",
        `cannot listen on ${hostname} port ${port}: ${(cause as Error).message}; choose another --admin-address`,
        { cause },
      );
    }
  }

  #listenInherited(fd: number): void {
    try {
      this.#listeners.push(new AdminListener({ fd }, this.#options));
    } catch (cause) {
      throw new SocketError(
        "socket-inherited",
        `the inherited file descriptor ${fd} cannot be served on: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}
