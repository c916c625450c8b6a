/**
 * One budget for all connections of an event loop: what waits for the rest of a frame, and answers that their peers have
 * not read. Without one, many connections that hold a little each take memory without bound.
 *
 * While less than half of it is in use, nothing happens. Above that, connections are paused, those that hold most first:
 * only so many may go on that one more read of each still fits. When not even that does, one at a time goes on, in room
 * that is kept for it, so that frames can be finished. If the budget is exceeded all the same, the connection that holds
 * most is closed. And a frame that does not grow for half a minute ends its connection, so that what is held is given
 * back in the end.
 */

import type { Log } from "../../telemetry/log.ts";
import { V2_MAX_FRAME_BYTES } from "../frame-limits.ts";

/** A connection, as far as the budget needs it. */
export interface BufferHolder {
  /** The next bytes must come from the peer, or be read by it: it owes the rest of a frame, or is to read what is left before the connection is closed. */
  readonly awaitsPeer: boolean;
  /** Changes with every read. */
  readonly readCount: number;
  /** Whether it must not be read from. */
  setThrottled(isThrottled: boolean): void;
  /** Closes at once. */
  closeOverBudget(heldBytes: number): void;
  closeStalled(heldBytes: number): void;
}

export interface BufferBudgetOptions {
  readonly limitBytes: number;
  readonly log: Log;
  /** Calls back when nothing is being read or written; an event loop's `setImmediate`. */
  readonly schedule: (work: () => void) => void;
}

interface Holding {
  bytes: number;
  isThrottled: boolean;
  /** As of the last tick, with how often it has been the same. */
  readCountAtTick: number;
  bytesAtTick: number;
  idleTicks: number;
}

/** How often `tick` is to be called. */
export const BUDGET_TICK_MS = 5000;
/** A frame that does not grow for so long ends its connection. */
const STALLED_TICKS = 6;
export const STALLED_AFTER_S = (STALLED_TICKS * BUDGET_TICK_MS) / 1000;

/** What Bun reads from one socket at a time. */
const READ_BYTES = 512 * 1024;
/** Kept for the one that goes on when nobody else may. */
const RESERVE_BYTES = V2_MAX_FRAME_BYTES;
/** The order of the holders is looked at again when so much has changed. */
const STEP_BYTES = 1024 * 1024;

export class BufferBudget {
  readonly #options: BufferBudgetOptions;
  readonly #holdings = new Map<BufferHolder, Holding>();
  #totalBytes = 0;
  #totalAtBalanceBytes = 0;
  #throttled = 0;
  /** The one that goes on when nobody else may, until it has given back what it held; for one tick at most. */
  #runner: BufferHolder | null = null;
  #isRelaxing = false;
  /** Since the start: pauses, and connections closed for either reason. */
  readonly counters = { paused: 0, closedOverBudget: 0, closedStalled: 0 };

  constructor(options: BufferBudgetOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#totalBytes;
  }

  /** What a connection holds now. Call it when that has changed, outside of its handling of frames. */
  update(holder: BufferHolder, bytes: number): void {
    if (bytes === 0) {
      this.forget(holder);
      return;
    }
    const holding = this.#holdings.get(holder);
    const grownBytes = bytes - (holding?.bytes ?? 0);
    if (holding !== undefined) holding.bytes = bytes;
    else this.#holdings.set(holder, newHolding(bytes));
    this.#totalBytes += grownBytes;
    if (grownBytes > 0) this.#onGrowth();
    else this.#onShrinking(holder);
  }

  /** A connection that holds nothing any more, or is gone. */
  forget(holder: BufferHolder): void {
    const holding = this.#holdings.get(holder);
    if (holding === undefined) return;
    this.#holdings.delete(holder);
    this.#totalBytes -= holding.bytes;
    if (holding.isThrottled) {
      this.#throttled--;
      holder.setThrottled(false);
    }
    this.#onShrinking(holder);
  }

  /** Ends connections whose peer has not done its part for a while. */
  tick(): void {
    for (const [holder, holding] of this.#holdings) {
      const isSame = holder.readCount === holding.readCountAtTick && holding.bytes === holding.bytesAtTick;
      const isIdle = isSame && holder.awaitsPeer && !holding.isThrottled;
      holding.readCountAtTick = holder.readCount;
      holding.bytesAtTick = holding.bytes;
      holding.idleTicks = isIdle ? holding.idleTicks + 1 : 0;
      if (holding.idleTicks < STALLED_TICKS) continue;
      this.counters.closedStalled++;
      holder.closeStalled(holding.bytes);
    }
    if (this.#runner !== null) this.#chooseRunner();
  }

  #onGrowth(): void {
    const { limitBytes } = this.#options;
    if (this.#totalBytes <= limitBytes / 2) return;
    const isStep = this.#totalBytes - this.#totalAtBalanceBytes >= Math.min(STEP_BYTES, limitBytes / 64);
    if (isStep || this.#throttled === 0) this.#balance(false);
    while (this.#totalBytes > limitBytes && this.#holdings.size > 0) this.#closeGreediest();
  }

  #onShrinking(holder: BufferHolder): void {
    if (holder === this.#runner) this.#runner = null;
    this.#relaxLater();
  }

  /** Less is held than before: some may be read from again, but not in the middle of what is going on now. */
  #relaxLater(): void {
    if (this.#throttled === 0 || this.#isRelaxing) return;
    this.#isRelaxing = true;
    this.#options.schedule(() => {
      this.#isRelaxing = false;
      this.#balance(true);
    });
  }

  #balance(mayRelease: boolean): void {
    const { limitBytes } = this.#options;
    this.#totalAtBalanceBytes = this.#totalBytes;
    const isLow = this.#totalBytes <= limitBytes / 2;
    const spareBytes = Math.max(0, limitBytes - RESERVE_BYTES - this.#totalBytes);
    const allowed = isLow ? this.#holdings.size : Math.floor(spareBytes / READ_BYTES);
    if (this.#throttled === 0 && this.#holdings.size <= allowed) return;
    const before = this.#throttled;
    const leastFirst = [...this.#holdings].sort(([, a], [, b]) => a.bytes - b.bytes);
    for (const [holder, holding] of leastFirst.slice(allowed)) {
      if (holder !== this.#runner) this.#throttle(holder, holding, true);
    }
    if (!mayRelease) {
      this.#relaxLater();
    } else {
      // What is released may handle frames at once, and end others' holdings by that.
      for (const [holder, holding] of leastFirst.slice(0, allowed)) {
        if (this.#holdings.get(holder) === holding) this.#throttle(holder, holding, false);
      }
      if (allowed === 0 && this.#runner === null) this.#chooseRunner();
    }
    this.#report(before);
  }

  /** The next that waits for its peer, in the order in which they began to hold something. */
  #chooseRunner(): void {
    const last = this.#runner;
    const holders = [...this.#holdings.keys()].filter((holder) => holder.awaitsPeer);
    const next = holders[(last === null ? 0 : holders.indexOf(last) + 1) % holders.length];
    this.#runner = next ?? null;
    if (next !== undefined) this.#throttle(next, this.#holdings.get(next)!, false);
    if (last !== null) this.#relaxLater();
  }

  #report(throttledBefore: number): void {
    if (throttledBefore > 0 === this.#throttled > 0) return;
    const facts = {
      held_bytes: this.#totalBytes,
      max_buffered_bytes: this.#options.limitBytes,
      paused: this.#throttled,
    };
    const { log } = this.#options;
    if (this.#throttled > 0) log.warn("paused the connections that hold most of the buffered bytes", facts);
    else log.info("no connection is paused for its buffered bytes any more", facts);
  }

  #throttle(holder: BufferHolder, holding: Holding, isThrottled: boolean): void {
    if (holding.isThrottled === isThrottled) return;
    holding.isThrottled = isThrottled;
    this.#throttled += isThrottled ? 1 : -1;
    if (isThrottled) this.counters.paused++;
    holder.setThrottled(isThrottled);
  }

  #closeGreediest(): void {
    let greediest: BufferHolder | null = null;
    let mostBytes = -1;
    for (const [holder, { bytes }] of this.#holdings) {
      if (bytes <= mostBytes) continue;
      mostBytes = bytes;
      greediest = holder;
    }
    if (greediest === null) return;
    this.counters.closedOverBudget++;
    greediest.closeOverBudget(mostBytes);
    // Also of one that does not keep its promise.
    this.forget(greediest);
  }
}

function newHolding(bytes: number): Holding {
  return { bytes, isThrottled: false, readCountAtTick: -1, bytesAtTick: -1, idleTicks: 0 };
}
