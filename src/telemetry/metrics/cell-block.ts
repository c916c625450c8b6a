/**
 * A block of numbers that one thread writes and others may read: all counters of an event loop, or of a worker thread, lie in
 * one. Blocks of the same layout are added up cell by cell when somebody asks.
 *
 * Nothing is locked. A cell is one aligned 64-bit number, so a reader on another thread sees the value before or after an
 * addition, and never half of one.
 */

/** What was counted, by the names of the parts: to go on with in another process. */
export type SavedCells = Readonly<Record<string, readonly number[]>>;

/** Hands out the parts of a block, one after the other: who takes the same parts in the same order has the same layout. */
export class CellBlock {
  readonly cells: Float64Array;
  readonly #parts = new Map<string, Float64Array>();
  #taken = 0;

  constructor(cells: Float64Array) {
    this.cells = cells;
  }

  /** `name`: for counters, unlike that of any other part; null for what means nothing to another process. */
  take(count: number, name: string | null): Float64Array {
    const start = this.#taken;
    this.#taken += count;
    if (this.#taken > this.cells.length)
      throw new RangeError("the block has fewer cells than its layout needs");
    const part = this.cells.subarray(start, this.#taken);
    if (name !== null) this.#parts.set(name, part);
    return part;
  }

  /** Parts that have counted anything. */
  save(): SavedCells {
    const counted = [...this.#parts].filter(([, part]) => part.some((value) => value !== 0));
    return Object.fromEntries(counted.map(([name, part]) => [name, Array.from(part)]));
  }

  /** Adds what another process has counted. A part that it does not have in the same shape is left out. */
  add(saved: SavedCells): void {
    for (const [name, values] of Object.entries(saved)) {
      const part = this.#parts.get(name);
      if (part?.length !== values.length) continue;
      for (let i = 0; i < values.length; i++) part[i]! += values[i]!;
    }
  }
}
/** Cells that a worker thread can be given to write to. */
export function sharedCells(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
}

/** Cell by cell; all have the same length, which an empty list leaves to `count`. */
export function sumOfCells(blocks: readonly Float64Array[], count: number): Float64Array {
  const sum = new Float64Array(count);
  for (const block of blocks) {
    for (let i = 0; i < count; i++) sum[i]! += block[i]!;
  }
  return sum;
}
