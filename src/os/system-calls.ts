/**
 * The system calls around sockets and descriptors that Bun has no equivalent for, each as a function that throws what
 * the system said. Linux on 64-bit little-endian machines; the constants and layouts are those of its kernel, so glibc
 * and musl see the same ones.
 */

import { type FFIFunction, type Library, ptr, read } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import { openLibcWith } from "./libc.ts";
import { AF_UNIX, encodeSocketAddress, SOCK_CLOEXEC } from "./unix-address.ts";

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  syscall: { args: ["i64", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const satisfies Record<string, FFIFunction>;

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
const SHUT_RD = 0;
const SHUT_RDWR = 2;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: process, user and group id. */
const UCRED_INTS = 3;
const F_DUPFD_CLOEXEC = 1030;
/** A duplicate never takes the place of a standard stream. */
const FIRST_DUPLICATE = 3;
const MEMFD_CREATE: Readonly<Record<string, number>> = { x64: 319, arm64: 279 };
const MFD_CLOEXEC = 1;

export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  /** As `ECONNREFUSED`. */
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = errno > 0 ? getSystemErrorName(-errno) : "unknown error";
    super(`${call} failed: ${code}`);
    this.code = code;
  }
}

export class SystemCalls implements Disposable {
  readonly #library: Library<typeof SYMBOLS>;

  private constructor(library: Library<typeof SYMBOLS>) {
    this.#library = library;
  }

  static get isSupported(): boolean {
    return process.platform === "linux" && MEMFD_CREATE[process.arch] !== undefined;
  }

  /** Null where they cannot be called. The caller disposes of it. */
  static open(): SystemCalls | null {
    if (!SystemCalls.isSupported) return null;
    const library = openLibcWith(SYMBOLS);
    return library === null ? null : new SystemCalls(library);
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }

  /** A connection to the Unix socket at `path`, which never blocks. */
  connectUnix(path: string): number {
    const address = encodeSocketAddress(path);
    if (address === null) throw new SystemCallError("connect", 0);
    const { socket, connect } = this.#library.symbols;
    const fd = this.#checked("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    try {
      this.#checked("connect", connect(fd, ptr(address), address.length));
    } catch (error) {
      this.close(fd);
      throw error;
    }
    return fd;
  }

  /** A socket for single messages, which the caller closes. */
  openDatagramSocket(): number {
    const { socket } = this.#library.symbols;
    return this.#checked("socket", socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }

  /** A pipe, whose ends the caller closes. */
  openPipe(): { readonly readEnd: number; readonly writeEnd: number } {
    const ends = new Int32Array(2);
    this.#checked("pipe2", this.#library.symbols.pipe2(ptr(ends), O_CLOEXEC));
    return { readEnd: ends[0]!, writeEnd: ends[1]! };
  }

  /**
   * Blocks this thread until there is something to read, or the other end is gone, or for `timeoutMs`. False when there
   * is nothing.
   */
  waitReadable(fd: number, timeoutMs: number): boolean {
    const request = new Int32Array(2);
    request[0] = fd;
    new Int16Array(request.buffer)[2] = POLLIN;
    return this.#checked("poll", this.#library.symbols.poll(ptr(request), 1, timeoutMs)) > 0;
  }

  /** Bytes that were taken; `header` is a `struct msghdr`. */
  sendMessage(fd: number, header: Uint8Array, flags: number): number {
    return this.#checked("sendmsg", Number(this.#library.symbols.sendmsg(fd, ptr(header), flags)));
  }

  /** Bytes that were received. */
  receiveMessage(fd: number, header: Uint8Array, flags: number): number {
    return this.#checked("recvmsg", Number(this.#library.symbols.recvmsg(fd, ptr(header), flags)));
  }

  /** From now on the peer's writes fail. What it had written before can still be read. */
  shutDownReading(fd: number): void {
    this.#checked("shutdown", this.#library.symbols.shutdown(fd, SHUT_RD));
  }

  /** Ends a connection for everybody who holds it, whichever process that is. */
  shutDown(fd: number): void {
    this.#checked("shutdown", this.#library.symbols.shutdown(fd, SHUT_RDWR));
  }

  /** The user id of the process at the other end, as it was when that end was made. */
  peerUserId(fd: number): number {
    const credentials = new Uint32Array(UCRED_INTS);
    const length = Uint32Array.of(credentials.byteLength);
    const { getsockopt } = this.#library.symbols;
    this.#checked("getsockopt", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(length)));
    return credentials[1]!;
  }

  /** A second descriptor of the same open file, which the caller closes. */
  duplicate(fd: number): number {
    return this.#checked("fcntl", this.#library.symbols.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_DUPLICATE));
  }

  /** An empty file in memory that has no name; it lives as long as somebody holds it. */
  createMemoryFile(name: string): number {
    const text = Buffer.from(`${name}\0`);
    const { syscall } = this.#library.symbols;
    return this.#checked(
      "memfd_create",
      Number(syscall(MEMFD_CREATE[process.arch] ?? 0, ptr(text), MFD_CLOEXEC)),
    );
  }

  close(fd: number): void {
    this.#library.symbols.close(fd);
  }

  #checked(call: string, result: number): number {
    if (result >= 0) return result;
    const location = this.#library.symbols.__errno_location();
    throw new SystemCallError(call, location === null ? 0 : read.i32(location));
  }
}
