/** Two Unix stream sockets that are connected with each other. Linux only; the caller closes both. */

import { dlopen, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { findLoadedLibc } from "../../src/os/libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;

export function socketPair(): readonly [number, number] {
  const library = findLoadedLibc(readFileSync("/proc/self/maps", "utf8"));
  if (library === null) throw new Error("there is no C library to ask");
  const libc = dlopen(library, { socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" } });
  const fds = new Int32Array(2);
  const outcome = libc.symbols.socketpair(AF_UNIX, SOCK_STREAM, 0, ptr(fds));
  libc.close();
  if (outcome !== 0) throw new Error("no pair of sockets could be made");
  return [fds[0]!, fds[1]!];
}
