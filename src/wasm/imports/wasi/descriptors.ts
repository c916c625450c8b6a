/**
 * File descriptors: 0 is an empty input, 1 and 2 are the log, and there are no others. A guest that asks for more is
 * told so by error numbers that every libc takes as an answer.
 */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

const IOVEC_BYTES = 8;
/** Further ones are not written by this call, which the interface allows: the guest sees fewer bytes and goes on. */
const MAX_IOVECS = 1024;
/** Of one call; the rest is reported as written and not looked at. Eight of the longest lines the log keeps. */
const MAX_SHOWN_BYTES = 8 * 1024;
const MAX_U32 = 0xffff_ffff;
/** In units of host work; measured with a guest that writes many one-byte lines. */
const IOVEC_WORK = 64;
const BYTE_WORK = 4;

const FDSTAT_BYTES = 24;
const FILETYPE_CHARACTER_DEVICE = 2;
const RIGHT_FD_WRITE = 1 << 6;

const DENIED = [
  "fd_advise",
  "fd_allocate",
  "fd_close",
  "fd_datasync",
  "fd_fdstat_set_flags",
  "fd_fdstat_set_rights",
  "fd_filestat_get",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_pread",
  "fd_pwrite",
  "fd_readdir",
  "fd_renumber",
  "fd_seek",
  "fd_sync",
  "fd_tell",
];

export function isKnownDescriptor(fd: number): boolean {
  return fd === STDIN || fd === STDOUT || fd === STDERR;
}

export function descriptorFunctions(host: ImportHost): ImportFunctions {
  const deny = (name: string, fd: number): number =>
    host.refuse(name, isKnownDescriptor(fd) ? ERRNO.notsup : ERRNO.badf);
  const denied = DENIED.map((name): [string, (fd: number) => number] => [name, (fd) => deny(name, fd)]);
  return {
    ...Object.fromEntries(denied),

    fd_write(fd: number, iovecs: number, iovecCount: number, writtenPointer: number): number {
      if (fd !== STDOUT && fd !== STDERR) return deny("fd_write", fd);
      return writeToLog(host, fd, iovecs >>> 0, iovecCount >>> 0, writtenPointer >>> 0);
    },

    fd_read(fd: number, _iovecs: number, _iovecCount: number, readPointer: number): number {
      if (fd !== STDIN) return deny("fd_read", fd);
      const memory = host.memory.current();
      const pointer = readPointer >>> 0;
      if (!memory.holds(pointer, 4)) return ERRNO.fault;
      memory.data.setUint32(pointer, 0, true);
      return ERRNO.success;
    },

    fd_fdstat_get(fd: number, resultPointer: number): number {
      if (fd !== STDOUT && fd !== STDERR) return host.refuse("fd_fdstat_get", ERRNO.badf);
      const memory = host.memory.current();
      const pointer = resultPointer >>> 0;
      if (!memory.holds(pointer, FDSTAT_BYTES)) return ERRNO.fault;
      memory.bytes.fill(0, pointer, pointer + FDSTAT_BYTES);
      memory.data.setUint8(pointer, FILETYPE_CHARACTER_DEVICE);
      memory.data.setUint32(pointer + 8, RIGHT_FD_WRITE, true);
      return ERRNO.success;
    },

    // Any other error ends Rust and C modules at their start and makes Go panic.
    fd_prestat_get: () => host.refuse("fd_prestat_get", ERRNO.badf),
    fd_prestat_dir_name: () => host.refuse("fd_prestat_dir_name", ERRNO.badf),
  };
}

function writeToLog(
  host: ImportHost,
  fd: typeof STDOUT | typeof STDERR,
  iovecs: number,
  askedCount: number,
  writtenPointer: number,
): number {
  const iovecCount = Math.min(askedCount, MAX_IOVECS);
  const end = iovecs + iovecCount * IOVEC_BYTES;
  const memory = host.memory.current();
  if (!memory.holds(iovecs, iovecCount * IOVEC_BYTES) || !memory.holds(writtenPointer, 4)) return ERRNO.fault;

  let total = 0;
  for (let iovec = iovecs; iovec < end; iovec += IOVEC_BYTES) {
    const length = memory.data.getUint32(iovec + 4, true);
    if (!memory.holds(memory.data.getUint32(iovec, true), length)) return ERRNO.fault;
    total += length;
  }
  // Possible with overlapping iovecs only; the count of bytes written would not fit its 32 bits.
  if (total > MAX_U32) return host.refuse("fd_write", ERRNO.inval);

  const stream = fd === STDOUT ? "stdout" : "stderr";
  let left = MAX_SHOWN_BYTES;
  for (let iovec = iovecs; iovec < end && left > 0; iovec += IOVEC_BYTES) {
    const start = memory.data.getUint32(iovec, true);
    const shown = Math.min(memory.data.getUint32(iovec + 4, true), left);
    host.output.write(stream, memory.bytes, start, start + shown);
    left -= shown;
  }
  host.output.skip(stream, total - (MAX_SHOWN_BYTES - left));
  memory.data.setUint32(writtenPointer, total, true);
  host.work(iovecCount * IOVEC_WORK + (MAX_SHOWN_BYTES - left) * BYTE_WORK);
  return ERRNO.success;
}
