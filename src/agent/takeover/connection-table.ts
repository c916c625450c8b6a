/**
 * A table in memory that outlives this process: which connections there are, in what protocol, whether somebody else could
 * go on with them at this moment, and which events they still wait for. Writing to it is writing to memory, so it is up to
 * date however the process ends.
 *
 *     "WASMCONN" | format: u32 | slots ever used: u32 | slots:
 *     canGoOn: u32 | length of the state: u32 | inode of the socket: f64 | state of the handler: 48 bytes, JSON
 *     64 entries: length of the id: u8 | type: u8 | id: 62 bytes
 *
 * A slot without a state, and an entry without an id, is free.
 */

import { fstatSync, ftruncateSync, readSync } from "node:fs";
import type { EventJournal, HandlerState, LostEvent } from "../../transport/frame-handler.ts";

const MAGIC = Buffer.from("WASMCONN");
const FORMAT = 2;
const SLOTS_USED = 12;
const HEADER_BYTES = 16;
const LENGTH = 4;
const INODE = 8;
const STATE = 16;
const MAX_STATE_BYTES = 48;
const ENTRIES = STATE + MAX_STATE_BYTES;
const ENTRY_COUNT = 64;
const ENTRY_BYTES = 64;
const ENTRY_TYPE = 1;
const ENTRY_ID = 2;
/** Longer ids are left out, as are events beyond the number of entries: their calls end by the proxy's timeout. */
const MAX_ID_BYTES = ENTRY_BYTES - ENTRY_ID;
const MAX_UTF8_BYTES_PER_UNIT = 3;
const NO_ENTRY = -1;
const SLOT_BYTES = ENTRIES + ENTRY_COUNT * ENTRY_BYTES;
const MAX_SLOTS = 65_536;

export interface TableEntry {
  readonly canGoOn: boolean;
  readonly socketInode: number;
  readonly handler: HandlerState;
  readonly lostEvents: readonly LostEvent[];
}

/** One per process that serves. */
export class ConnectionTable {
  readonly #memory: Buffer;
  readonly #capacity: number;
  readonly #free: number[] = [];
  #used = 0;

  private constructor(memory: Buffer, capacity: number) {
    this.#memory = memory;
    this.#capacity = capacity;
  }

  /** Makes an empty file into a table. The file is the caller's, and can be closed. */
  static create(fd: number, capacity: number): ConnectionTable {
    ftruncateSync(fd, HEADER_BYTES + capacity * SLOT_BYTES);
    const { buffer, byteOffset, byteLength } = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
    const memory = Buffer.from(buffer, byteOffset, byteLength);
    MAGIC.copy(memory);
    memory.writeUInt32LE(FORMAT, MAGIC.length);
    return new ConnectionTable(memory, capacity);
  }

  /** Null when there is no room for another connection, or for its state. */
  take(socketInode: number, handler: HandlerState): TableSlot | null {
    const state = JSON.stringify(handler);
    if (Buffer.byteLength(state) > MAX_STATE_BYTES) return null;
    const at = this.#free.pop() ?? this.#next();
    if (at === null) return null;
    this.#memory.writeDoubleLE(socketInode, at + INODE);
    const bytes = this.#memory.write(state, at + STATE);
    // Last, since it makes the slot count.
    this.#memory.writeUInt32LE(bytes, at + LENGTH);
    return new TableSlot(this.#memory, at, () => this.#free.push(at));
  }

  /** Nobody can go on by this table any more. */
  clear(): void {
    this.#memory.writeUInt32LE(0, SLOTS_USED);
  }

  #next(): number | null {
    if (this.#used >= this.#capacity) return null;
    const at = HEADER_BYTES + this.#used * SLOT_BYTES;
    this.#used++;
    this.#memory.writeUInt32LE(this.#used, SLOTS_USED);
    return at;
  }
}

/** A connection's part of the table, until it is freed. */
export class TableSlot implements EventJournal {
  readonly #memory: Buffer;
  readonly #at: number;
  readonly #onFreed: () => void;
  readonly #freeEntries = Array.from({ length: ENTRY_COUNT }, (_, i) => ENTRY_COUNT - 1 - i);
  /** Answered, but not yet written to the peer. */
  readonly #answered: number[] = [];

  constructor(memory: Buffer, at: number, onFreed: () => void) {
    this.#memory = memory;
    this.#at = at;
    this.#onFreed = onFreed;
    for (let entry = 0; entry < ENTRY_COUNT; entry++) memory[this.#entryAt(entry)] = 0;
  }

  setCanGoOn(canGoOn: boolean): void {
    this.#memory[this.#at] = canGoOn ? 1 : 0;
  }

  open(type: number, correlationId: string): number {
    if (correlationId.length === 0 || !fits(correlationId)) return NO_ENTRY;
    const entry = this.#freeEntries.pop();
    if (entry === undefined) return NO_ENTRY;
    const at = this.#entryAt(entry);
    this.#memory[at + ENTRY_TYPE] = type;
    this.#memory[at] = this.#memory.write(correlationId, at + ENTRY_ID);
    return entry;
  }

  close(entry: number): void {
    if (entry !== NO_ENTRY) this.#answered.push(entry);
  }

  /** Answers that were given have been written: nobody waits for them any more. */
  forgetAnswered(): void {
    const answered = this.#answered;
    for (let entry = answered.pop(); entry !== undefined; entry = answered.pop()) {
      this.#memory[this.#entryAt(entry)] = 0;
      this.#freeEntries.push(entry);
    }
  }

  free(): void {
    this.#memory.writeUInt32LE(0, this.#at + LENGTH);
    this.setCanGoOn(false);
    this.#onFreed();
  }

  #entryAt(entry: number): number {
    return this.#at + ENTRIES + entry * ENTRY_BYTES;
  }
}

/** All slots that are taken. Empty for a file that is no table. */
export function readTable(fd: number): readonly TableEntry[] {
  const header = readBytes(fd, 0, HEADER_BYTES);
  if (!header.subarray(0, MAGIC.length).equals(MAGIC) || header.readUInt32LE(MAGIC.length) !== FORMAT)
    return [];
  const used = Math.min(header.readUInt32LE(SLOTS_USED), MAX_SLOTS);
  const entries: TableEntry[] = [];
  for (let i = 0; i < used; i++) {
    const entry = readSlot(readBytes(fd, HEADER_BYTES + i * SLOT_BYTES, SLOT_BYTES));
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** Zeros where the file has ended. */
function readBytes(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (at < fstatSync(fd).size) readSync(fd, bytes, 0, length, at);
  return bytes;
}

function readSlot(slot: Buffer): TableEntry | null {
  const length = slot.readUInt32LE(LENGTH);
  if (length === 0 || length > MAX_STATE_BYTES) return null;
  const handler = handlerState(slot.toString("utf8", STATE, STATE + length));
  if (handler === null) return null;
  return {
    canGoOn: slot[0] === 1,
    socketInode: slot.readDoubleLE(INODE),
    handler,
    lostEvents: readLostEvents(slot),
  };
}

function readLostEvents(slot: Buffer): readonly LostEvent[] {
  const lost: LostEvent[] = [];
  for (let at = ENTRIES; at < slot.length; at += ENTRY_BYTES) {
    const length = slot[at]!;
    if (length === 0 || length > MAX_ID_BYTES) continue;
    const id = slot.toString("utf8", at + ENTRY_ID, at + ENTRY_ID + length);
    lost.push({ type: slot[at + ENTRY_TYPE]!, correlationId: id });
  }
  return lost;
}

function fits(correlationId: string): boolean {
  if (correlationId.length * MAX_UTF8_BYTES_PER_UNIT <= MAX_ID_BYTES) return true;
  return correlationId.length <= MAX_ID_BYTES && Buffer.byteLength(correlationId) <= MAX_ID_BYTES;
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
