/**
 * Makes a path ready to be listened on: says what is wrong with it in words, and takes away what a dead agent left
 * behind, but never a live agent's socket and never a file that is none.
 *
 * Calls are synchronous: the first asynchronous one would start a pool of threads, which takes milliseconds.
 */

import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { SocketError } from "../socket-error.ts";

/** sun_path of Linux holds 108 bytes with its terminator, that of macOS 104. */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/**
 * @param takesOver leaves a live agent's socket in place, to be replaced by a rename
 * @throws SocketError
 */
export async function prepareSocketPath(path: string, takesOver: boolean): Promise<void> {
  const bytes = Math.max(Buffer.byteLength(path), Buffer.byteLength(stagingPath(path)));
  if (bytes > MAX_PATH_BYTES) {
    throw new SocketError(
      "socket-path-too-long",
      `the socket path has ${bytes} bytes; this system allows ${MAX_PATH_BYTES}, so choose a shorter one`,
    );
  }
  assertFolder(dirname(path));
  await removeStaleSocket(path, takesOver);
}

/** The name a socket is bound under until it is ready to be found. */
export function stagingPath(path: string): string {
  return join(dirname(path), `.wasm-${process.pid}`);
}

export function socketInUse(path: string): SocketError {
  return new SocketError(
    "socket-in-use",
    `another process is listening on ${path}; stop it first or choose another --socket`,
  );
}

/** True when something accepts connections on the path. */
export async function isSocketAlive(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function assertFolder(folder: string): void {
  const stats = statOrNull(folder);
  if (stats === null) {
    throw new SocketError(
      "socket-folder-missing",
      `the folder ${folder} for the socket does not exist; create it or choose another --socket`,
    );
  }
}

async function removeStaleSocket(path: string, takesOver: boolean): Promise<void> {
  const stats = statOrNull(path);
  if (stats === null) return;
  if (!stats.isSocket()) {
    throw new SocketError(
      "socket-not-a-socket",
      `${path} exists and is not a socket; remove it yourself or choose another --socket`,
    );
  }
  if (await isSocketAlive(path)) {
    if (takesOver) return;
    throw socketInUse(path);
  }
  try {
    unlinkSync(path);
  } catch (cause) {
    throw permission(path, cause);
  }
}

function statOrNull(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    if (code === "ENOTDIR") {
      throw new SocketError("socket-folder-missing", `a part of ${path} is a file where a folder is needed`, {
        cause,
      });
    }
    throw permission(path, cause);
  }
}

export function permission(path: string, cause: unknown): SocketError {
  const code = (cause as NodeJS.ErrnoException).code;
  return code === "EACCES" || code === "EPERM" || code === "EROFS"
    ? new SocketError(
        "socket-permission",
        `no permission to create the socket ${path}; give this user write access to its folder or choose another --socket`,
        { cause },
      )
    : new SocketError("socket-failed", `cannot listen on ${path}: ${(cause as Error).message}`, { cause });
}
