/**
 * Writing to a descriptor that was passed to this process, such as the standard error, without ever waiting for its
 * reader. The flag that makes a descriptor non-blocking belongs to all processes that share it, a terminal's shell among
 * them, so it is left alone. Linux only: elsewhere a reader that has stopped reading blocks.
 */

import { ptr } from "bun:ffi";
import { constants, fstatSync, openSync, type Stats, writeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { type Libc, lastErrno, openLibc } from "./libc.ts";

/** Returns how many bytes were taken; throws an error with the code EAGAIN when nothing can be taken now. */
export type UnblockedWriter = (bytes: Uint8Array) => number;

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLOUT = 4;
/** As much as a pipe surely takes when it says that it can be written to: PIPE_BUF of Linux. */
const MAX_POLLED_BYTES = 4096;

export function unblockedWriter(fd: number): UnblockedWriter {
  const stats = statOrNull(fd);
  if (process.platform !== "linux" || stats === null) return plainWriter(fd);
  if (stats.isFIFO() || stats.isCharacterDevice()) return reopenedWriter(fd) ?? polledWriter(fd);
  return stats.isSocket() ? sendingWriter(fd) : plainWriter(fd);
}

/** Files and disks always take what they are given. */
function plainWriter(fd: number): UnblockedWriter {
  return (bytes) => writeSync(fd, bytes);
}

/** A pipe or terminal that is opened anew has flags of its own. Null where this user may not, or its reader is gone. */
function reopenedWriter(fd: number): UnblockedWriter | null {
  try {
    return plainWriter(
      openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY),
    );
  } catch {
    return null;
  }
}

/** Another process that writes to the same pipe can still take the room between the check and the write. */
function polledWriter(fd: number): UnblockedWriter {
  const libc = openLibc();
  if (libc === null) return plainWriter(fd);
  const entry = new Int32Array(2);
  entry[0] = fd;
  return (bytes) => {
    entry[1] = POLLOUT;
    if (libc.symbols.poll(ptr(entry), 1, 0) === 0) throw systemError("EAGAIN");
    return writeSync(fd, bytes, 0, Math.min(bytes.length, MAX_POLLED_BYTES));
  };
}

/** Sockets cannot be opened anew, but each call can be told not to wait. */
function sendingWriter(fd: number): UnblockedWriter {
  const libc = openLibc();
  return libc === null ? plainWriter(fd) : (bytes) => send(libc, fd, bytes);
}

function send(libc: Libc, fd: number, bytes: Uint8Array): number {
  const taken = Number(libc.symbols.send(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
  if (taken >= 0) return taken;
  throw systemError(getSystemErrorName(-lastErrno(libc)));
}

function systemError(code: string): Error {
  return Object.assign(new Error(`the system refused: ${code}`), { code });
}

function statOrNull(fd: number): Stats | null {
  try {
    return fstatSync(fd);
  } catch {
    return null;
  }
}
