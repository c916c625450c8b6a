/**
 * Follows the control flow of one function, decides where fuel is taken, and finds for each of these places the cost
 * of the longest way from it to the next. Within one turn of a loop all branches go forward, so one pass over the code
 * is enough: every block remembers the longest way by which it can be left.
 *
 * A segment is the code that one place pays for. Its ways are kept short, so that rare code pays when it runs and not
 * in advance. Where ways of two segments join, the code behind belongs to the older one, and the younger one pays for
 * it as well.
 *
 * The code between a function's entry and its first check is free: whoever called has paid for it. How long it may be
 * depends on what the callers know (`call-costs.ts`). So most functions that end soon take no fuel at all.
 */

import { field, frameKind, frameStride } from "./block-frame.ts";
import { invalidModule } from "../binary/byte-reader.ts";
import { doubled } from "./doubled.ts";
import { type EditList, editKind } from "./edit-list.ts";
import { EnclosingLoops } from "./enclosing-loops.ts";
import { loopCredit, prepaidTurns } from "./loop-credit.ts";
import { SegmentJoins } from "./segment-joins.ts";
import {
  maxLazyBytes,
  maxLoopReach,
  maxOuterReach,
  maxPrepaidDepth,
  maxStraightReach,
  maxUncheckedReach,
  reachTolerance,
} from "./segment-lengths.ts";

/** Instead of a segment: no way leads here. */
const dead = -1;
/** The segment from a function's entry, paid for by the caller; older than all others. */
const free = -2;

const initialFrames = 64;

/** What is known of a function before its code is read. */
export interface FunctionTraits {
  readonly bodyBytes: number;
  /** It may get another local variable. */
  readonly mayCount: boolean;
  /** How much of its code may be left to its callers. */
  readonly maxFree: number;
  /** A call in it may be left by an exception, and the guest goes on. */
  readonly mayUnwind: boolean;
}

export class PathCosts {
  readonly #edits: EditList;
  /** Cost of the longest way from the segment's check to here. */
  #reach = 0;
  /** The number of the check that pays for the code here, or one of the special segments. */
  #segment = dead;
  /** How far the segment may reach. */
  #maxReach = 0;
  /** The same while all of its code runs whenever it begins. */
  #maxStraightReach = 0;
  /** Whether the segment is paid by a place that counts and does not check. */
  #isUnchecked = false;
  /** The most that may have been counted since the last check in a loop. */
  #unchecked = 0;
  /** Whether all code since the segment began runs whenever it begins. */
  #isStraight = false;
  /** Longest way of the free segment, how long it may be, and whether it pays for first turns of loops. */
  #freeReach = 0;
  #maxFree = 0;
  #hasFreeLoops = false;
  #frames = new Int32Array(initialFrames * frameStride);
  #depth = 0;
  readonly #loops = new EnclosingLoops();
  /** 1 when all ways to here have paid for the first turns of loops. */
  #isPrepaid = 0;
  /** The checks that pay for them. */
  #prepayingChecks: number[] = [];
  readonly #joins = new SegmentJoins();
  #mayCount = false;
  #mayUnwind = false;
  #hasLoop = false;
  /** How many edits there were behind the last call that may have recursed; 0 when there was none. */
  #editsAtRecursion = 0;

  constructor(edits: EditList) {
    this.#edits = edits;
  }

  get depth(): number {
    return this.#depth;
  }

  get isLive(): boolean {
    return this.#segment !== dead;
  }

  /** What callers owe for the free code of the function that was read last. */
  get freeReach(): number {
    return this.#freeReach;
  }

  /** Whether first turns of loops are among what they owe. */
  get hasFreeLoops(): boolean {
    return this.#hasFreeLoops;
  }

  /** Starts a function with its first instruction at `at`. */
  begin(at: number, { bodyBytes, mayCount, maxFree, mayUnwind }: FunctionTraits): void {
    this.#depth = 0;
    this.#loops.clear();
    this.#reach = 0;
    this.#mayCount = mayCount;
    this.#mayUnwind = mayUnwind;
    this.#hasLoop = false;
    this.#editsAtRecursion = 0;
    this.#unchecked = 0;
    this.#isPrepaid = 0;
    this.#prepayingChecks.length = 0;
    this.#joins.clear();
    this.#freeReach = 0;
    this.#maxFree = maxFree;
    this.#hasFreeLoops = false;
    this.#enterSegment(free);
    if (bodyBytes > maxLazyBytes && maxFree < prepaidTurns) this.#prepay(at);
    this.enter(frameKind.block);
  }

  /** Ends a function; returns whether its loops need a local variable to count in. */
  finish(): boolean {
    this.#settleJoins();
    if (!this.#hasLoop || !this.#mayCount) return false;
    for (const check of this.#prepayingChecks) {
      this.#edits.setArgument(check, this.#edits.argument(check) + prepaidTurns);
    }
    return true;
  }

  /** Adds the cost of simple instructions up to `at`, where the next one begins. */
  add(cost: number, at: number): void {
    this.#reach += cost;
    if (this.#isUnchecked) this.#unchecked += cost;
    if (this.#reach > this.#maxReach && this.#isOverlong()) this.#startSegment(at);
  }

  /** Adds the cost of one expensive instruction at `at`, before it. */
  charge(cost: number, at: number): void {
    if (this.#segment === dead) return;
    const isTooMuch = this.#isUnchecked && this.#unchecked + cost > maxUncheckedReach;
    if (isTooMuch || (this.#reach + cost > this.#maxReach && this.#isOverlong()))
      this.#startSegment(at, cost);
    this.#reach += cost;
    if (this.#isUnchecked) this.#unchecked += cost;
    if (this.#mayUnwind) this.#note(this.#segment, this.#reach);
  }

  /**
   * Adds the cost of a call at `at` of a function whose first turns of loops are not paid yet. In a loop it is taken at
   * once: counted, it would be had for a part of its cost, and loops that call loops for a part of that part.
   */
  chargeLoops(cost: number, at: number): void {
    if (this.#segment === dead) return;
    if (this.#loops.depth > 0) {
      this.#note(this.#segment, this.#reach);
      this.#edits.push(at, editKind.check, cost);
      return;
    }
    this.charge(cost, at);
    if (this.#segment === free) this.#hasFreeLoops = true;
  }

  /** Adds the cost of a call at `at` of something that may call this function back: recursion must not be free. */
  chargeBlindCall(cost: number, at: number): void {
    if (this.#segment === free) this.#startSegment(at);
    this.charge(cost, at);
  }

  /**
   * In front of a call, at `at`, that may recurse. When an exception can lead back into a loop, past what `afterRecursion`
   * puts behind the call, credit must not outlast the call.
   */
  beforeRecursion(at: number): void {
    if (this.#segment === dead || !this.#mayUnwind || this.#loops.depth === 0) return;
    this.#edits.push(at, editKind.setCounter, 0);
  }

  /**
   * Behind a call, at `at`, that may have recursed. What led to it is paid even on a way into a trap, since each depth
   * goes that way. What follows is paid here and not before: else all depths would run it without a check when the
   * recursion returns. In loops, credit for their next turns is part of it.
   */
  afterRecursion(at: number): void {
    if (this.#segment === dead) return;
    this.#note(this.#segment, this.#reach);
    if (this.#loops.depth > 0) {
      this.#prepay(at);
    } else {
      this.#isPrepaid = 0;
      this.#startSegment(at);
    }
    this.#editsAtRecursion = this.#edits.length;
  }

  /** `block`, `if`, `try` and `try_table`. */
  enter(kind: number): void {
    const base = this.#depth++ * frameStride;
    if (base === this.#frames.length) this.#frames = doubled(this.#frames);
    const frames = this.#frames;
    frames[base + field.kind] = kind;
    frames[base + field.region] = this.#loops.depth;
    frames[base + field.segment] = dead;
    frames[base + field.reach] = 0;
    frames[base + field.elseSegment] = this.#segment;
    frames[base + field.elseReach] = this.#reach;
    frames[base + field.landing] = 0;
    frames[base + field.prepaid] = 1;
    frames[base + field.elsePrepaid] = this.#isPrepaid;
    frames[base + field.loopExit] = 0;
    frames[base + field.unchecked] = 0;
    frames[base + field.elseUnchecked] = this.#unchecked;
    if (kind === frameKind.if) this.#isStraight = false;
  }

  /** Before a loop at `at`. */
  prepare(at: number): void {
    if (this.#loops.depth > 0 || this.#isPrepaid === 1) return;
    if (this.#segment === free && this.#reach + prepaidTurns <= this.#maxFree) {
      this.#reach += prepaidTurns;
      this.#hasFreeLoops = true;
      this.#isPrepaid = 1;
    } else {
      this.#prepay(at);
    }
  }

  /** A loop that is prepared, with its first instruction at `bodyAt`. */
  enterLoop(bodyAt: number): void {
    this.#note(this.#segment, this.#reach);
    this.#loops.enter(this.#segment, this.#reach, this.#edits.length);
    this.enter(frameKind.loop);
    this.#hasLoop = true;
    this.#beginSegment(this.#edits.push(bodyAt, this.#mayCount ? editKind.countedCheck : editKind.check, 1));
  }

  /** The loop whose code so far has no branches will stand several times in a row, for which its check pays. */
  multiplyTurn(copies: number): void {
    if (this.#segment !== dead) this.#edits.setArgument(this.#segment, this.#reach * copies);
  }

  /** Notes that control may go to the label; it may also go on here. */
  branch(label: number, at: number): void {
    const base = this.#frameOf(label, at);
    this.#isStraight = false;
    this.#note(this.#segment, this.#reach);
    if (this.#segment === dead || this.#frames[base + field.kind] === frameKind.loop) return;
    const region = this.#frames[base + field.region] as number;
    if (region === this.#loops.depth) {
      this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    } else {
      this.#frames[base + field.loopExit] = 1;
      this.#merge(base, this.#loops.outerSegment(region), this.#loops.outerReach(region), 1);
    }
  }

  /** Notes that an exception may land at the label from anywhere. */
  branchOnException(label: number, at: number): void {
    this.#frames[this.#frameOf(label, at) + field.landing] = 1;
  }

  /** After an instruction behind which nothing runs here. */
  stop(): void {
    this.#note(this.#segment, this.#reach);
    this.#segment = dead;
  }

  /** After a trap, which ends the guest: the way to it is gone once, so nothing pays for it but what `afterRecursion` noted. */
  trap(): void {
    this.#segment = dead;
  }

  else(at: number): void {
    const base = this.#frameOf(0, at);
    if (this.#frames[base + field.kind] !== frameKind.if) throw invalidModule("else without if", at);
    this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    this.#frames[base + field.kind] = frameKind.block;
    this.#enterSegment(this.#frames[base + field.elseSegment] as number);
    this.#reach = this.#frames[base + field.elseReach] as number;
    this.#isPrepaid = this.#frames[base + field.elsePrepaid] as number;
    this.#unchecked = this.#frames[base + field.elseUnchecked] as number;
  }

  /** `at`: the first instruction of the handler. */
  catch(at: number): void {
    const base = this.#frameOf(0, at);
    if (this.#frames[base + field.kind] !== frameKind.try) throw invalidModule("catch without try", at);
    this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    this.#land(at);
  }

  /** `delegate`, which also ends its block; the label counts from outside of it. `at`: the next instruction. */
  delegate(label: number, at: number): void {
    const base = this.#frameOf(0, at);
    if (this.#frames[base + field.kind] !== frameKind.try) throw invalidModule("delegate without try", at);
    this.#frameOf(label + 1, at);
    this.end(at);
  }

  /** `at`: the instruction after the end. */
  end(at: number): void {
    const base = this.#frameOf(0, at);
    const frames = this.#frames;
    this.#depth--;
    if (frames[base + field.kind] === frameKind.loop) {
      this.#endLoop(at);
      return;
    }
    this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    if (frames[base + field.kind] === frameKind.if) {
      const elseSegment = frames[base + field.elseSegment] as number;
      const elseReach = frames[base + field.elseReach] as number;
      this.#unchecked = frames[base + field.elseUnchecked] as number;
      this.#merge(base, elseSegment, elseReach, frames[base + field.elsePrepaid] as number);
    }
    this.#enterSegment(frames[base + field.segment] as number);
    this.#reach = frames[base + field.reach] as number;
    this.#unchecked = frames[base + field.unchecked] as number;
    this.#isPrepaid = frames[base + field.prepaid] as number;
    if (this.#depth === 0) return;
    if (frames[base + field.landing] === 1) this.#land(at);
    else if (frames[base + field.loopExit] === 1) this.#leaveLoop(at, this.#editsAtRecursion > 0);
  }

  /** Where control may come from anywhere in a block. */
  #land(at: number): void {
    this.#isPrepaid = 0;
    this.#startSegment(at);
  }

  #endLoop(at: number): void {
    this.#note(this.#segment, this.#reach);
    const region = this.#loops.leave();
    const hasRecursed = this.#editsAtRecursion > this.#loops.firstEdit(region);
    this.#reach = this.#loops.outerReach(region);
    if (this.#segment === dead) return;
    this.#enterSegment(this.#loops.outerSegment(region));
    this.#isPrepaid = 1;
    this.#leaveLoop(at, hasRecursed);
  }

  /** Behind a loop whose code may have recursed, or not: what was paid before it must not be left for a whole recursion. */
  #leaveLoop(at: number, hasRecursed: boolean): void {
    if (this.#segment === dead) return;
    if (hasRecursed || this.#loops.depth >= maxPrepaidDepth) this.#startSegment(at);
  }

  /**
   * Takes fuel here for what follows and, if there are loops, for their next turns. What may be left on credit since
   * before a recursion is gone then.
   */
  #prepay(at: number): void {
    this.#note(this.#segment, this.#reach);
    this.#beginSegment(this.#edits.push(at, editKind.check, 0));
    this.#prepayingChecks.push(this.#segment);
    this.#isPrepaid = 1;
    if (this.#loops.depth > 0 || this.#editsAtRecursion > 0)
      this.#edits.push(at, editKind.setCounter, -loopCredit);
  }

  /** Takes fuel here for what follows, of which `cost` is known. */
  #startSegment(at: number, cost = 0): void {
    this.#note(this.#segment, this.#reach);
    this.#beginSegment(this.#edits.push(at, this.#kindOfPlace(cost), 0));
  }

  #kindOfPlace(cost: number): number {
    if (this.#loops.depth === 0 || !this.#mayCount) return editKind.check;
    return this.#unchecked + cost >= maxUncheckedReach ? editKind.countedCheck : editKind.count;
  }

  #isOverlong(): boolean {
    if (this.#segment === dead) return false;
    return !this.#isStraight || this.#segment === free || this.#reach > this.#maxStraightReach;
  }

  #beginSegment(place: number): void {
    this.#enterSegment(place);
    this.#reach = 0;
    this.#isStraight = true;
    if (!this.#isUnchecked) this.#unchecked = 0;
  }

  #enterSegment(segment: number): void {
    this.#segment = segment;
    this.#isStraight = false;
    this.#isUnchecked = segment >= 0 && this.#edits.kind(segment) === editKind.count;
    this.#maxStraightReach = this.#isUnchecked ? maxUncheckedReach : maxStraightReach;
    if (segment === free) this.#maxReach = this.#maxFree;
    else this.#maxReach = this.#loops.depth === 0 ? maxOuterReach : maxLoopReach;
  }

  /** Notes that a way of the segment leads out of the block. */
  #merge(base: number, segment: number, reach: number, isPrepaid: number): void {
    if (segment === dead) return;
    this.#note(segment, reach);
    const frames = this.#frames;
    if (isPrepaid === 0) frames[base + field.prepaid] = 0;
    if (this.#unchecked > (frames[base + field.unchecked] as number))
      frames[base + field.unchecked] = this.#unchecked;
    const before = frames[base + field.segment] as number;
    const reachBefore = frames[base + field.reach] as number;
    if (before === segment) {
      if (reach > reachBefore) frames[base + field.reach] = reach;
    } else if (before === dead || this.#isOlder(segment, before)) {
      frames[base + field.segment] = segment;
      frames[base + field.reach] = reach;
      if (before !== dead) this.#join(before, reachBefore, segment, reach);
    } else {
      this.#join(segment, reach, before, reachBefore);
    }
  }

  #isOlder(segment: number, other: number): boolean {
    return segment === free || (other !== free && segment < other);
  }

  /** The code behind belongs to the older one. Where joins are too many to keep, the longest there may be is paid. */
  #join(younger: number, reach: number, older: number, olderReach: number): void {
    const difference = reach - olderReach;
    if (!this.#joins.add(younger, older, difference))
      this.#note(younger, difference + maxOuterReach + reachTolerance);
  }

  #settleJoins(): void {
    this.#joins.settle((younger, older, difference) => {
      const longest = older === free ? this.#freeReach : this.#edits.argument(older);
      this.#note(younger, longest + difference);
    });
  }

  #note(segment: number, reach: number): void {
    if (segment >= 0) {
      if (reach > this.#edits.argument(segment)) this.#edits.setArgument(segment, reach);
    } else if (segment === free && reach > this.#freeReach) {
      this.#freeReach = reach;
    }
  }

  #frameOf(label: number, at: number): number {
    if (label >= this.#depth) throw invalidModule(`label ${label} does not exist`, at);
    return (this.#depth - 1 - label) * frameStride;
  }
}
