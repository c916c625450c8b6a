/**
 * Sends one datagram to a Unix socket, which neither Bun nor its node:dgram can do. What the datagram says is the
 * caller's business.
 */

import { ptr, read } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import type { Libc } from "./libc.ts";

export type DatagramOutcome = { readonly sent: true } | { readonly sent: false; readonly reason: string };

/** `sun_path` of sockaddr_un, see unix(7). */
const MAX_ADDRESS_BYTES = 108;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EAGAIN = 11;

const MAX_ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 5;

/**
 * `address` is an absolute path, or `@name` for the abstract name space. A receiver whose queue is full is given
 * `MAX_ATTEMPTS` chances a few milliseconds apart (the thread waits meanwhile), so that no receiver can hold us for long.
 */
export function sendUnixDatagram(libc: Libc, address: string, payload: string): DatagramOutcome {
  const socketAddress = encodeSocketAddress(address);
  if (socketAddress === null) return { sent: false, reason: "the address is not a Unix socket address" };
  const { socket, sendto, close, __errno_location } = libc.symbols;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return { sent: false, reason: "no socket could be opened" };
  const bytes = new TextEncoder().encode(payload);
  try {
    for (let attempt = 1; ; attempt++) {
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const taken = sendto(fd, ptr(bytes), bytes.length, flags, ptr(socketAddress), socketAddress.length);
      if (Number(taken) === bytes.length) return { sent: true };
      const errnoPointer = __errno_location();
      const errno = errnoPointer === null ? 0 : read.i32(errnoPointer);
      if (errno !== EAGAIN || attempt === MAX_ATTEMPTS) {
        const name = errno > 0 ? getSystemErrorName(-errno) : "unknown error";
        return { sent: false, reason: `sendto failed: ${name}` };
      }
      Bun.sleepSync(ATTEMPT_PAUSE_MS);
    }
  } finally {
    close(fd);
  }
}

/** Family in host order, then the path with its closing NUL, or a NUL and the abstract name without one. */
export function encodeSocketAddress(address: string): Uint8Array | null {
  const isAbstract = address.startsWith("@");
  if (!isAbstract && !address.startsWith("/")) return null;
  const path = new TextEncoder().encode(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (path.length > MAX_ADDRESS_BYTES || path.length < 2) return null;
  const encoded = new Uint8Array(2 + path.length);
  new Uint16Array(encoded.buffer, 0, 1)[0] = AF_UNIX;
  encoded.set(path, 2);
  return encoded;
}
