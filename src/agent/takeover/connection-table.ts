/**
 * A table in memory that outlives this process: which connections there are, in what protocol, and whether somebody else
 * could go on with them at this moment. Writing to it is writing to memory, so it is up to date however the process ends.
 *
 *     "WASMCONN" | format: u32 | 0: u32 | slots of 64 bytes:
 *     canGoOn: u32 | length of the state: u32 | inode of the socket: f64 | handler's state: JSON
 *
 * A slot without a state is free.
 */

import { fstatSync, ftruncateSync, readSync } from "node:fs";
import type { HandlerState } from "../../transport/frame-handler.ts";

const MAGIC = Buffer.from("WASMCONN");
const FORMAT = 1;
const HEADER_BYTES = 16;
const SLOT_BYTES = 64;
const LENGTH = 4;
const INODE = 8;
const STATE = 16;
const MAX_STATE_BYTES = SLOT_BYTES - STATE;
const MAX_SLOTS = 65_536;

export interface TableEntry {
  readonly canGoOn: boolean;
  readonly socketInode: number;
  readonly handler: HandlerState;
}

/** One per process that serves. The file is the caller's. */
export class ConnectionTable {
  readonly #view: DataView;
  readonly #free: number[];

  private constructor(view: DataView, slots: number) {
    this.#view = view;
    this.#free = Array.from({ length: slots }, (_, i) => HEADER_BYTES + (slots - 1 - i) * SLOT_BYTES);
  }

  /** Makes an empty file into a table. */
  static create(fd: number, slots: number): ConnectionTable {
    ftruncateSync(fd, HEADER_BYTES + slots * SLOT_BYTES);
    const { buffer, byteOffset, byteLength } = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
    const view = new DataView(buffer, byteOffset, byteLength);
    MAGIC.forEach((byte, i) => {
      view.setUint8(i, byte);
    });
    view.setUint32(MAGIC.length, FORMAT, true);
    return new ConnectionTable(view, slots);
  }

  /** A slot, to be given to the other calls; null when there is none, or the state does not fit. */
  take(socketInode: number, handler: HandlerState): number | null {
    const text = Buffer.from(JSON.stringify(handler));
    const slot = text.length > MAX_STATE_BYTES ? undefined : this.#free.pop();
    if (slot === undefined) return null;
    this.#view.setFloat64(slot + INODE, socketInode, true);
    text.forEach((byte, i) => {
      this.#view.setUint8(slot + STATE + i, byte);
    });
    // Last, since it makes the slot count.
    this.#view.setUint32(slot + LENGTH, text.length, true);
    return slot;
  }

  set(slot: number, canGoOn: boolean): void {
    this.#view.setUint32(slot, canGoOn ? 1 : 0, true);
  }

  /** Nobody can go on by this table any more. */
  clear(): void {
    for (let slot = HEADER_BYTES; slot < this.#view.byteLength; slot += SLOT_BYTES) {
      this.#view.setUint32(slot + LENGTH, 0, true);
    }
  }

  free(slot: number): void {
    this.#view.setUint32(slot + LENGTH, 0, true);
    this.set(slot, false);
    this.#free.push(slot);
  }
}

/** All slots that are taken. Empty for a file that is no table. */
export function readTable(fd: number): readonly TableEntry[] {
  const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, HEADER_BYTES + MAX_SLOTS * SLOT_BYTES));
  if (readSync(fd, bytes, 0, bytes.length, 0) !== bytes.length || bytes.length < HEADER_BYTES) return [];
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC) || bytes.readUInt32LE(MAGIC.length) !== FORMAT)
    return [];
  const entries: TableEntry[] = [];
  for (let slot = HEADER_BYTES; slot + SLOT_BYTES <= bytes.length; slot += SLOT_BYTES) {
    const length = bytes.readUInt32LE(slot + LENGTH);
    if (length === 0 || length > MAX_STATE_BYTES) continue;
    const handler = handlerState(bytes.toString("utf8", slot + STATE, slot + STATE + length));
    if (handler === null) continue;
    entries.push({
      canGoOn: bytes.readUInt32LE(slot) === 1,
      socketInode: bytes.readDoubleLE(slot + INODE),
      handler,
    });
  }
  return entries;
}

function handlerState(text: string): HandlerState | null {
  try {
    const state: unknown = JSON.parse(text);
    return typeof state === "object" && state !== null && !Array.isArray(state)
      ? (state as HandlerState)
      : null;
  } catch {
    return null;
  }
}
