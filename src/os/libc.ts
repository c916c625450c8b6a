/**
 * The few C library functions that Bun has no equivalent for, from the C library this process already runs on (glibc or
 * musl, whichever it is). Linux only; elsewhere, or where FFI is not possible, there is none.
 */

import { readFileSync } from "node:fs";
import { dlopen, type FFIFunction, type Library, read } from "bun:ffi";

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "usize", "i32", "ptr", "u32"], returns: "i64" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  send: { args: ["i32", "ptr", "usize", "i32"], returns: "i64" },
  poll: { args: ["ptr", "usize", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const satisfies Record<string, FFIFunction>;

export type Libc = Library<typeof SYMBOLS>;

/** The caller closes it. Null when there is nothing to call; never throws. */
export function openLibc(): Libc | null {
  return openLibcWith(SYMBOLS);
}

/** As `openLibc`, with other functions of the C library; each must exist in every one. */
export function openLibcWith<Symbols extends Record<string, FFIFunction>>(
  symbols: Symbols,
): Library<Symbols> | null {
  if (process.platform !== "linux") return null;
  try {
    const path = findLoadedLibc(readFileSync("/proc/self/maps", "utf8"));
    return path === null ? null : dlopen(path, symbols);
  } catch {
    return null;
  }
}

/** Why the last call failed; read it at once. 0 when that is not known. */
export function lastErrno(libc: Libc): number {
  const pointer = libc.symbols.__errno_location();
  return pointer === null ? 0 : read.i32(pointer);
}

/**
 * What to open for the C library in a `/proc/<pid>/maps` listing. For glibc its absolute path, because a bare name is
 * searched for in the working directory too, which is no place to load code from. musl answers to the bare name itself,
 * without a search; by another path than its own it would be loaded a second time.
 */
export function findLoadedLibc(maps: string): string | null {
  const path = /\s(\/\S*\/(?:libc\.so\.6|libc-2\.\d+\.so|ld-musl-\w+\.so\.1))$/m.exec(maps)?.[1];
  if (path === undefined) return null;
  return path.includes("/ld-musl-") ? "libc.so" : path;
}
