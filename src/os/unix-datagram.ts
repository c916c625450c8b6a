/**
 * Sends one datagram to a Unix socket, which neither Bun nor its node:dgram can do. What the datagram says is the
 * caller's business.
 */

import { ptr } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import { type Libc, lastErrno } from "./libc.ts";
import { AF_UNIX, encodeSocketAddress, SOCK_CLOEXEC } from "./unix-address.ts";

export type DatagramOutcome = { readonly sent: true } | { readonly sent: false; readonly reason: string };

const SOCK_DGRAM = 2;
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
  const { socket, sendto, close } = libc.symbols;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return { sent: false, reason: "no socket could be opened" };
  const bytes = new TextEncoder().encode(payload);
  try {
    for (let attempt = 1; ; attempt++) {
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const taken = sendto(fd, ptr(bytes), bytes.length, flags, ptr(socketAddress), socketAddress.length);
      if (Number(taken) === bytes.length) return { sent: true };
      const errno = lastErrno(libc);
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
