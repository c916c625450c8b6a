/**
 * The public name of a listening socket: given to it once its mode holds, watched, and removed only while it is ours.
 */

import { chmodSync, linkSync, renameSync, rmSync } from "node:fs";
import { SocketError } from "../socket-error.ts";
import { inodeOf, permission, removeStaleFile, socketInUse, stagingPath, statOrNull } from "./socket-path.ts";

/** How often one looks whether the name is still ours. */
const NAME_CHECK_MS = 250;

export class SocketName {
  readonly #path: string;
  /** Identity of the socket file, so that only our own is ever removed. */
  readonly inode: bigint;
  #timer: ReturnType<typeof setInterval> | null = null;

  private constructor(path: string, inode: bigint) {
    this.#path = path;
    this.inode = inode;
  }

  /**
   * Gives the socket at the staging path its mode, then its name: nobody can connect before the mode holds. A link,
   * unlike a rename, refuses a name that another agent has taken in the meantime. Bun unlinks the name it bound when it
   * stops, so that must not be the public one: by then it could be somebody else's.
   *
   * @param replaces takes the name from a live agent
   * @returns null when somebody has removed the file again
   * @throws SocketError
   */
  static claim(path: string, mode: number, replaces: boolean): SocketName | null {
    const staging = stagingPath(path);
    try {
      chmodSync(staging, mode);
      if (replaces) renameSync(staging, path);
      else linkSync(staging, path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw socketInUse(path);
      throw permission(path, cause);
    } finally {
      rmSync(staging, { force: true });
    }
    const inode = inodeOf(path);
    return inode === null ? null : new SocketName(path, inode);
  }

  /**
   * The name of a socket that was handed over with it; `inode` is that of the socket file. A file that somebody has
   * removed, replaced or given to another user keeps the mode that it has.
   */
  static adopt(path: string, mode: number, inode: bigint): SocketName {
    try {
      if (inodeOf(path) === inode) chmodSync(path, mode);
    } catch {
      // Everything has been taken over by now, so this must not end the agent.
    }
    return new SocketName(path, inode);
  }

  /**
   * Calls back once another socket has the name. A removed name (a cleaner of temporary files, say) is not a lost one:
   * connections live on, and nobody else serves.
   */
  watch(onLost: () => void): void {
    this.#timer = setInterval(() => {
      const current = inodeOf(this.#path);
      if (current === null || current === this.inode) return;
      this.forget();
      onLost();
    }, NAME_CHECK_MS);
  }

  /** Looks at the name no more. */
  forget(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /**
   * Removes the socket file if it is still ours. Another agent may take the name in this very moment, so looking and
   * removing are not two steps. A file that cannot be removed stays; the next start finds that nobody listens on it.
   */
  remove(): void {
    this.forget();
    try {
      const current = statOrNull(this.#path);
      if (current?.ino === this.inode) removeStaleFile(this.#path, current);
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
    }
  }
}
