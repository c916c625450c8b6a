/**
 * Makes a path ready to be listened on: says what is wrong with it in words, and takes away what a dead agent left
 * behind, but never a live agent's socket and never a file that is none.
 *
 * Calls are synchronous: the first asynchronous one would start a pool of threads, which takes milliseconds.
 */

import { type BigIntStats, linkSync, lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openLibc } from "../../os/libc.ts";
import { probeSocket, type SocketLife } from "../../os/unix-connect.ts";
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

/**
 * Where the agent behind a socket file hands itself over: beside it, and named by its inode, which tells it apart from
 * those of other sockets and of sockets that had the name before.
 */
export function handoverPath(path: string, inode: bigint): string {
  return join(dirname(path), `.wasm-${inode.toString(36)}.next`);
}

/** Whether the system can take a path of this length for a socket. */
export function fitsSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_PATH_BYTES;
}

/** Identity of what has the name; null when nothing has it. */
export function inodeOf(path: string): bigint | null {
  try {
    return lstatSync(path, { bigint: true }).ino;
  } catch {
    return null;
  }
}

export function socketInUse(path: string): SocketError {
  return new SocketError(
    "socket-in-use",
    `another process is listening on ${path}; stop it first or choose another --socket`,
  );
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
  const stale = await findStaleSocket(path, takesOver);
  if (stale === null) return;
  if (!removeStaleFile(path, stale)) {
    if (takesOver) return;
    throw socketInUse(path);
  }
  rmSync(handoverPath(path, stale.ino), { force: true });
}

/** A file, whatever its name is. The number of an inode alone is soon given to another one. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  /** Neither a rename nor a link changes it. */
  readonly mtimeNs: bigint;
}

/**
 * The socket file on the path that nobody listens on any more: once dead, it never comes alive again. Null when there is
 * nothing to remove.
 *
 * @throws SocketError for what must not be removed
 */
export async function findStaleSocket(path: string, takesOver: boolean): Promise<FileIdentity | null> {
  const stats = statOrNull(path);
  if (stats === null) return null;
  if (!stats.isSocket()) {
    throw new SocketError(
      "socket-not-a-socket",
      `${path} exists and is not a socket; remove it yourself or choose another --socket`,
    );
  }
  const life = await lifeOf(path);
  switch (life.kind) {
    case "dead":
      return stats;
    case "gone":
      return null;
    case "listening":
      if (takesOver) return null;
      throw socketInUse(path);
    case "unknown":
      throw new SocketError(
        "socket-permission",
        `cannot find out whether a process still listens on ${path} (${life.reason}); remove it yourself or choose another --socket`,
      );
  }
}

/** Whether something listens on the path. */
export async function lifeOf(path: string): Promise<SocketLife> {
  const libc = openLibc();
  try {
    return await probeSocket(libc, resolve(path));
  } finally {
    libc?.close();
  }
}

/**
 * Removes the file if the path still leads to it: by now another agent may have taken the path. Nothing can be
 * removed by its identity, so it is moved away first and looked at then; another agent's socket is put back, unless a
 * third has taken the path in that moment. False: the path is somebody else's.
 *
 * @throws SocketError `socket-permission`, `socket-failed`
 */
export function removeStaleFile(path: string, { dev, ino, mtimeNs }: FileIdentity): boolean {
  const aside = join(dirname(path), `.wasm-stale-${crypto.randomUUID()}`);
  try {
    renameSync(path, aside);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw permission(path, cause);
  }
  const moved = lstatSync(aside, { bigint: true });
  const isStale = moved.dev === dev && moved.ino === ino && moved.mtimeNs === mtimeNs;
  if (!isStale) putBack(aside, path, moved.isSocket());
  unlinkSync(aside);
  return isStale;
}

function putBack(aside: string, path: string, isSocket: boolean): void {
  try {
    linkSync(aside, path);
  } catch (cause) {
    // An agent whose name a third one has taken drains and ends.
    if (isSocket && (cause as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new SocketError(
      "socket-failed",
      `another file took the place of ${path} and could not be left there; it is ${aside} now`,
      { cause },
    );
  }
}

/** @throws SocketError when it cannot be told. */
export function statOrNull(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
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
