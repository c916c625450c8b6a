/** Listening sockets that belong to nobody yet, as a service manager passes them on. Linux only. */

import { dlopen, ptr } from "bun:ffi";
import { findLoadedLibc } from "../../src/os/libc.ts";
import { encodeSocketAddress } from "../../src/os/unix-address.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const USUAL_BACKLOG = 128;

export interface ListeningSocket extends Disposable {
  readonly fd: number;
}

/** Its queue holds one connection more than `backlog`. */
export async function listenOn(path: string, backlog: number = USUAL_BACKLOG): Promise<ListeningSocket> {
  const address = encodeSocketAddress(path);
  if (address === null) throw new Error(`not an address: ${path}`);
  return listen(AF_UNIX, address, backlog);
}

/** On a port of 127.0.0.1 that is free. */
export async function listenOnTcp(): Promise<ListeningSocket & { readonly port: number }> {
  const address = Uint8Array.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, ...new Array<number>(8).fill(0)]);
  const socket = await listen(AF_INET, address, USUAL_BACKLOG);
  // `struct sockaddr_in`: the port lies behind the family, most significant byte first.
  const port = (socket.address[2]! << 8) | socket.address[3]!;
  return { ...socket, port };
}

async function listen(
  family: number,
  address: Uint8Array,
  backlog: number,
): Promise<ListeningSocket & { readonly address: Uint8Array }> {
  const library = findLoadedLibc(await Bun.file("/proc/self/maps").text());
  if (library === null) throw new Error("there is no C library to call");
  const libc = dlopen(library, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const { socket, bind, listen: startListening, getsockname, close } = libc.symbols;
  const fd = socket(family, SOCK_STREAM, 0);
  const bound = new Uint8Array(address.length);
  const length = Uint32Array.of(bound.length);
  if (
    fd < 0 ||
    bind(fd, ptr(address), address.length) !== 0 ||
    startListening(fd, backlog) !== 0 ||
    getsockname(fd, ptr(bound), ptr(length)) !== 0
  ) {
    throw new Error("cannot listen from here");
  }
  return {
    fd,
    address: bound,
    [Symbol.dispose]: () => {
      close(fd);
      libc.close();
    },
  };
}
