/**
 * A table of byte strings in memory that all threads share: it outlives the guests that fill it, and is bounded.
 *
 * Records are written behind each other into one of two halves and never changed. When a half is full, what is live is
 * copied to the other one. Each change takes effect by a single store, so that a thread that is ended in the middle of
 * one leaves a valid table. Callers hold the lock.
 */

/** Words at the start of the memory; the slots follow. */
const Word = { seed: 0, activeHalf: 1, usedBytes: 2, entries: 3, removed: 4, isMoving: 5, slots: 8 } as const;

const EMPTY = 0;
const REMOVED = -1;
/** Of a record: length of key, length of value, tag, hash. */
const RECORD_HEADER_BYTES = 16;

export interface TableLimits {
  /** A power of two; half of them can be in use at a time. */
  readonly slots: number;
  /** For keys and values. */
  readonly capacityBytes: number;
}

export interface TableValue {
  /** A copy. */
  readonly bytes: Buffer;
  readonly tag: number;
}

export class SharedTable {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  readonly #limits: TableLimits;
  /** Index of the first slot among the words. */
  readonly #slotsAt: number;
  /** Offset of the first half. */
  readonly #halvesAt: number;

  /** Uses `sizeOf(limits)` bytes of `memory` from `offset` on, a multiple of four; `format` has been called there. */
  constructor(memory: SharedArrayBuffer, offset: number, limits: TableLimits) {
    this.#words = new Int32Array(memory, offset);
    this.#bytes = Buffer.from(memory as unknown as ArrayBuffer, offset, SharedTable.sizeOf(limits));
    this.#limits = limits;
    this.#slotsAt = Word.slots;
    this.#halvesAt = (Word.slots + limits.slots) * 4;
  }

  static sizeOf({ slots, capacityBytes }: TableLimits): number {
    return (Word.slots + slots) * 4 + 2 * capacityBytes;
  }

  /** Makes an empty table of new memory. The seed keeps whoever chooses keys from choosing their slots. */
  static format(memory: SharedArrayBuffer, offset: number, seed: number): void {
    new Int32Array(memory, offset)[Word.seed] = seed;
  }

  get size(): number {
    return this.#words[Word.entries]!;
  }

  get(key: Uint8Array): TableValue | null {
    const record = this.#recordAt(this.#find(key, this.#hashOf(key)));
    return record === null ? null : { bytes: this.#valueOf(record), tag: this.#word(record, 2) };
  }

  has(key: Uint8Array): boolean {
    return this.#recordAt(this.#find(key, this.#hashOf(key))) !== null;
  }

  /** The tag of a value; 0 when it is not there. */
  tagOf(key: Uint8Array): number {
    const record = this.#recordAt(this.#find(key, this.#hashOf(key)));
    return record === null ? 0 : this.#word(record, 2);
  }

  /** False when there is no room for it; what was there before stays. */
  set(key: Uint8Array, value: Uint8Array, tag: number): boolean {
    const hash = this.#hashOf(key);
    const isNew = this.#recordAt(this.#find(key, hash)) === null;
    if (isNew && this.size >= this.#limits.slots / 2) return false;
    const bytes = aligned(RECORD_HEADER_BYTES + key.length + value.length);
    if (!this.#makeRoom(bytes)) return false;
    const record = this.#write(key, value, tag, hash);
    const slot = isNew ? this.#findFree(hash) : this.#find(key, hash);
    if (isNew) {
      if (this.#words[this.#slotsAt + slot] === REMOVED) this.#words[Word.removed]!--;
      this.#words[Word.entries]!++;
    }
    Atomics.store(this.#words, this.#slotsAt + slot, record);
    return true;
  }

  delete(key: Uint8Array): boolean {
    const slot = this.#find(key, this.#hashOf(key));
    if (this.#recordAt(slot) === null) return false;
    this.#removeSlot(slot);
    return true;
  }

  /** Copies of all keys that begin with `prefix`. */
  keysOf(prefix: Uint8Array): readonly Buffer[] {
    const keys: Buffer[] = [];
    for (let slot = 0; slot < this.#limits.slots; slot++) {
      const record = this.#recordAt(slot);
      if (record !== null && startsWith(this.#keyOf(record), prefix))
        keys.push(Buffer.from(this.#keyOf(record)));
    }
    return keys;
  }

  /** Removes all whose key begins with `prefix`. */
  deletePrefix(prefix: Uint8Array): void {
    for (let slot = 0; slot < this.#limits.slots; slot++) {
      const record = this.#recordAt(slot);
      if (record !== null && startsWith(this.#keyOf(record), prefix)) this.#removeSlot(slot);
    }
  }

  #removeSlot(slot: number): void {
    Atomics.store(this.#words, this.#slotsAt + slot, REMOVED);
    this.#words[Word.removed]!++;
    this.#words[Word.entries]!--;
  }

  /** The slot of a key, or the one at which the search for it ended. */
  #find(key: Uint8Array, hash: number): number {
    const mask = this.#limits.slots - 1;
    let slot = hash & mask;
    for (let step = 0; step <= mask; step++, slot = (slot + 1) & mask) {
      const record = this.#words[this.#slotsAt + slot]!;
      if (record === EMPTY) return slot;
      if (record !== REMOVED && this.#word(record, 3) === hash && this.#hasKey(record, key)) return slot;
    }
    return -1;
  }

  #findFree(hash: number): number {
    const mask = this.#limits.slots - 1;
    let slot = hash & mask;
    while (this.#words[this.#slotsAt + slot]! > 0) slot = (slot + 1) & mask;
    return slot;
  }

  #recordAt(slot: number): number | null {
    const record = slot < 0 ? EMPTY : this.#words[this.#slotsAt + slot]!;
    return record > 0 ? record : null;
  }

  #write(key: Uint8Array, value: Uint8Array, tag: number, hash: number): number {
    const used = this.#words[Word.usedBytes]!;
    const record = this.#halvesAt + this.#words[Word.activeHalf]! * this.#limits.capacityBytes + used;
    this.#words[Word.usedBytes] = used + aligned(RECORD_HEADER_BYTES + key.length + value.length);
    const at = record >> 2;
    this.#words[at] = key.length;
    this.#words[at + 1] = value.length;
    this.#words[at + 2] = tag;
    this.#words[at + 3] = hash;
    this.#bytes.set(key, record + RECORD_HEADER_BYTES);
    this.#bytes.set(value, record + RECORD_HEADER_BYTES + key.length);
    return record;
  }

  /** Removed slots make searches long, so they count as well. */
  #makeRoom(bytes: number): boolean {
    const { slots, capacityBytes } = this.#limits;
    const hasSlots = this.size + this.#words[Word.removed]! < (slots * 3) / 4;
    if (hasSlots && this.#words[Word.usedBytes]! + bytes <= capacityBytes) return true;
    this.#moveLive();
    return this.#words[Word.usedBytes]! + bytes <= capacityBytes;
  }

  /** Copies what is live to the other half. A thread that was ended in here leaves nothing to rely on. */
  #moveLive(): void {
    const { slots, capacityBytes } = this.#limits;
    const wasCut = this.#words[Word.isMoving] !== 0;
    const live: number[] = [];
    for (let slot = 0; slot < slots && !wasCut; slot++) {
      const record = this.#recordAt(slot);
      if (record !== null) live.push(record);
    }
    this.#words[Word.isMoving] = 1;
    const half = 1 - this.#words[Word.activeHalf]!;
    const start = this.#halvesAt + half * capacityBytes;
    let to = start;
    this.#words.fill(EMPTY, this.#slotsAt, this.#slotsAt + slots);
    for (const record of live) {
      const length = this.#lengthOf(record);
      this.#bytes.copyWithin(to, record, record + length);
      this.#words[this.#slotsAt + this.#findFree(this.#word(to, 3))] = to;
      to += length;
    }
    this.#words[Word.entries] = live.length;
    this.#words[Word.removed] = 0;
    this.#words[Word.activeHalf] = half;
    this.#words[Word.usedBytes] = to - start;
    this.#words[Word.isMoving] = 0;
  }

  #hashOf(key: Uint8Array): number {
    if (this.#words[Word.isMoving] !== 0) this.#moveLive();
    return Bun.hash.xxHash32(key, this.#words[Word.seed]! >>> 0) & 0x7fff_ffff;
  }

  #lengthOf(record: number): number {
    return aligned(RECORD_HEADER_BYTES + this.#word(record, 0) + this.#word(record, 1));
  }

  #word(record: number, index: number): number {
    return this.#words[(record >> 2) + index]!;
  }

  #keyOf(record: number): Buffer {
    const at = record + RECORD_HEADER_BYTES;
    return this.#bytes.subarray(at, at + this.#word(record, 0));
  }

  #valueOf(record: number): Buffer {
    const at = record + RECORD_HEADER_BYTES + this.#word(record, 0);
    return Buffer.from(this.#bytes.subarray(at, at + this.#word(record, 1)));
  }

  #hasKey(record: number, key: Uint8Array): boolean {
    return this.#word(record, 0) === key.length && startsWith(this.#keyOf(record), key);
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

function aligned(bytes: number): number {
  return (bytes + 3) & ~3;
}
