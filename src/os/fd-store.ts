/**
 * The service manager's store for open descriptors: what is put there outlives this process and is passed to the next one
 * of the service, with its listening socket. See sd_pid_notify_with_fds(3), FDSTORE=1, and FileDescriptorStoreMax= in
 * systemd.service(5).
 *
 * The manager drops a stored socket by itself once its peer has closed it. It keeps a duplicate, so a connection that is
 * to end here must be shut down, not only closed.
 */

import type { Log } from "../telemetry/log.ts";
import { MAX_DESCRIPTORS_PER_MESSAGE, sendWithDescriptors } from "./descriptor-passing.ts";
import { SystemCallError, SystemCalls } from "./system-calls.ts";
import { encodeSocketAddress } from "./unix-address.ts";

export interface FdStoreOptions {
  /** The value of NOTIFY_SOCKET. */
  readonly address: string | undefined;
  /** The value of FDSTORE: how many descriptors the manager keeps for this service. */
  readonly capacity: string | undefined;
  readonly log: Log;
}

/** A manager that does not read for so long is left alone. */
const MAX_ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 5;

export class FdStore {
  readonly capacity: number;
  /** For this and other calls of its owner; stays open as long as the process lives. */
  readonly calls: SystemCalls;
  readonly #address: Uint8Array;
  readonly #log: Log;
  readonly #socket: number;

  private constructor(capacity: number, calls: SystemCalls, address: Uint8Array, log: Log) {
    this.capacity = capacity;
    this.calls = calls;
    this.#address = address;
    this.#log = log;
    this.#socket = calls.openDatagramSocket();
  }

  /** Null where there is no store for this process. */
  static open({ address = "", capacity, log }: FdStoreOptions): FdStore | null {
    const count = Number(capacity ?? "0");
    const socketAddress = encodeSocketAddress(address);
    if (!Number.isInteger(count) || count < 1 || socketAddress === null) return null;
    const calls = SystemCalls.open();
    return calls === null ? null : new FdStore(count, calls, socketAddress, log);
  }

  /** All under one name, in which neither a colon nor a control character may be. False when they were not sent. */
  add(name: string, descriptors: readonly number[]): boolean {
    for (let from = 0; from < descriptors.length; from += MAX_DESCRIPTORS_PER_MESSAGE) {
      const part = descriptors.slice(from, from + MAX_DESCRIPTORS_PER_MESSAGE);
      if (!this.#send(`FDSTORE=1\nFDNAME=${name}`, part)) return false;
    }
    return true;
  }

  /** Everything of this name. */
  remove(name: string): void {
    this.#send(`FDSTOREREMOVE=1\nFDNAME=${name}`, []);
  }

  /**
   * Blocks this thread until the manager has dealt with everything that was sent, or for `timeoutMs`. It forgets what it
   * has not yet read from a process that has ended (sd_notify_barrier(3)).
   */
  waitUntilDone(timeoutMs: number): void {
    const { readEnd, writeEnd } = this.calls.openPipe();
    try {
      this.#send("BARRIER=1", [writeEnd]);
      this.calls.close(writeEnd);
      if (!this.calls.waitReadable(readEnd, timeoutMs)) {
        this.#log.warn("the service manager takes its time; connections may be lost", {
          waited_ms: timeoutMs,
        });
      }
    } finally {
      this.calls.close(readEnd);
    }
  }

  #send(state: string, descriptors: readonly number[]): boolean {
    const bytes = Buffer.from(state);
    for (let attempt = 1; ; attempt++) {
      try {
        sendWithDescriptors(this.calls, this.#socket, bytes, descriptors, this.#address);
        return true;
      } catch (error) {
        const isFull = error instanceof SystemCallError && error.code === "EAGAIN";
        if (!isFull || attempt === MAX_ATTEMPTS) {
          this.#log.warn("the service manager's store for descriptors cannot be used", {
            reason: (error as Error).message,
          });
          return false;
        }
        Bun.sleepSync(ATTEMPT_PAUSE_MS);
      }
    }
  }
}
