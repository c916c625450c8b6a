/**
 * A real receiver of Unix datagrams, as systemd is one. Linux only.
 */

import { dlopen, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { findLoadedLibc } from "../../../src/os/libc.ts";
import { encodeSocketAddress } from "../../../src/os/unix-address.ts";

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "usize", "i32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export class DatagramReceiver implements Disposable {
  readonly #libc;
  readonly #fd: number;

  /** `address` is a path, or `@name` for the abstract name space. */
  constructor(address: string) {
    this.#libc = dlopen(findLoadedLibc(readFileSync("/proc/self/maps", "utf8")) ?? "", SYMBOLS);
    const socketAddress = encodeSocketAddress(address);
    if (socketAddress === null) throw new Error(`not an address: ${address}`);
    this.#fd = this.#libc.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    const status = this.#libc.symbols.bind(this.#fd, ptr(socketAddress), socketAddress.length);
    if (status !== 0) throw new Error(`cannot bind ${address}`);
  }

  /** The next datagram that has already arrived, or null. */
  receive(): string | null {
    const buffer = new Uint8Array(65_536);
    const length = Number(this.#libc.symbols.recv(this.#fd, ptr(buffer), buffer.length, MSG_DONTWAIT));
    return length < 0 ? null : new TextDecoder().decode(buffer.subarray(0, length));
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}
