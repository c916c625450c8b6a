/**
 * The one piece of memory behind shared data and queues: made once for the process, given to its threads as it is. A
 * store is a view of it, one for each thread.
 */

import { SharedLock } from "./shared-lock.ts";
import { SharedTable, type TableLimits } from "./shared-table.ts";

/** Words at the start: the lock, then counters. */
export const SharedWord = { lock: 0, lastTag: 2, queues: 3, threads: 4, scopes: 5, notices: 16 } as const;

/** Threads that can be woken: one word each. */
export const MAX_THREADS = 1024;
const HEADER_WORDS = SharedWord.notices + MAX_THREADS;

const DEFAULT_LIMITS: TableLimits = { slots: 64 * 1024, capacityBytes: 16 * 1024 * 1024 };

/** A plain value that can be sent to other threads. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly limits: TableLimits;
}

/** Memory that is never touched is never taken from the system. */
export function makeSharedMemory(limits: TableLimits = DEFAULT_LIMITS): SharedMemory {
  const buffer = new SharedArrayBuffer(HEADER_WORDS * 4 + SharedTable.sizeOf(limits));
  SharedTable.format(buffer, HEADER_WORDS * 4, crypto.getRandomValues(new Uint32Array(1))[0]!);
  return { buffer, limits };
}

export class SharedStore {
  readonly words: Int32Array;
  readonly table: SharedTable;
  readonly #lock: SharedLock;

  constructor({ buffer, limits }: SharedMemory) {
    this.words = new Int32Array(buffer, 0, HEADER_WORDS);
    this.table = new SharedTable(buffer, HEADER_WORDS * 4, limits);
    this.#lock = new SharedLock(this.words, SharedWord.lock);
  }

  /** Runs `work` while no other thread touches the table. It must be short, and must not wait. */
  locked<T>(work: () => T): T {
    const ticket = this.#lock.acquire();
    try {
      return work();
    } finally {
      this.#lock.release(ticket);
    }
  }
}

/** A key of several parts. The last one is taken as it is; the others must not contain zero bytes. */
export function keyOf(kind: string, scope: string, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${kind}${scope.replaceAll("\0", "")}\0`), name]);
}
