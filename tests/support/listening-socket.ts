/** A listening Unix socket that belongs to nobody yet, as a service manager passes one on. Linux only. */

import { dlopen, ptr } from "bun:ffi";
import { findLoadedLibc } from "../../src/os/libc.ts";
import { encodeSocketAddress } from "../../src/os/unix-address.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const USUAL_BACKLOG = 128;

export interface ListeningSocket extends Disposable {
  readonly fd: number;
}

/** Its queue holds one connection more than `backlog`. */
export async function listenOn(path: string, backlog: number = USUAL_BACKLOG): Promise<ListeningSocket> {
  const library = findLoadedLibc(await Bun.file("/proc/self/maps").text());
  const address = encodeSocketAddress(path);
  if (library === null || address === null) throw new Error(`cannot listen on ${path} from here`);
  const libc = dlopen(library, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const { socket, bind, listen, close } = libc.symbols;
  const fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, ptr(address), address.length) !== 0 || listen(fd, backlog) !== 0) {
    throw new Error(`cannot listen on ${path}`);
  }
  return {
    fd,
    [Symbol.dispose]: () => {
      close(fd);
      libc.close();
    },
  };
}
