/**
 * Asks whether something listens on a Unix socket. Bun reports every connection that fails as refused, a full queue of
 * a live listener among them, so the C library is asked where there is one.
 */

import { ptr } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import { type Libc, lastErrno } from "./libc.ts";
import { AF_UNIX, encodeSocketAddress, SOCK_CLOEXEC } from "./unix-address.ts";

/** `unknown`: the system does not say, most likely for want of permission; `reason` is the name of its error. */
export type SocketLife =
  | { readonly kind: "listening" | "dead" | "gone" }
  | { readonly kind: "unknown"; readonly reason: string };

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;

/** By the name of the system's error. A full queue belongs to a listener that is busy; the others are no stream sockets. */
const LIFE_BY_ERROR: ReadonlyMap<string, SocketLife> = new Map<string, SocketLife>([
  ["ECONNREFUSED", { kind: "dead" }],
  ["ENOENT", { kind: "gone" }],
  ["EAGAIN", { kind: "listening" }],
  ["EINPROGRESS", { kind: "listening" }],
  ["EPROTOTYPE", { kind: "listening" }],
]);

/** `libc` null asks through Bun. */
export async function probeSocket(libc: Libc | null, path: string): Promise<SocketLife> {
  const address = libc === null ? null : encodeSocketAddress(path);
  return libc === null || address === null ? probeThroughBun(path) : probeThroughLibc(libc, address);
}

function probeThroughLibc(libc: Libc, address: Uint8Array): SocketLife {
  const { socket, connect, close } = libc.symbols;
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return { kind: "unknown", reason: getSystemErrorName(-lastErrno(libc)) };
  try {
    if (connect(fd, ptr(address), address.length) === 0) return { kind: "listening" };
    const reason = getSystemErrorName(-lastErrno(libc));
    return LIFE_BY_ERROR.get(reason) ?? { kind: "unknown", reason };
  } finally {
    close(fd);
  }
}

async function probeThroughBun(path: string): Promise<SocketLife> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.end();
    return { kind: "listening" };
  } catch (error) {
    return { kind: (error as NodeJS.ErrnoException).code === "ENOENT" ? "gone" : "dead" };
  }
}
