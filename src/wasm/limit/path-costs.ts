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

import { invalidModule } from "./byte-reader.ts";
import { type EditList, editKind } from "./edit-list.ts";
import { SegmentJoins } from "./segment-joins.ts";

export const frameKind = { block: 0, loop: 1, if: 2, try: 3 } as const;

/** Instead of a segment: no way leads here. */
const dead = -1;
/** The segment from a function's entry, paid for by the caller; older than all others. */
const free = -2;

const frameStride = 9;
const kindField = 0;
const regionField = 1;
const segmentField = 2;
const reachField = 3;
const elseSegmentField = 4;
const elseReachField = 5;
/** 1 when an exception may land at the end of the block. */
const landingField = 6;
const prepaidField = 7;
const elsePrepaidField = 8;

const initialFrames = 64;

/** How long the ways of a segment may be, outside of loops and in them, where taking fuel is cheaper. */
const maxOuterReach = 512;
const maxLoopReach = 32;

/** The same for code that always runs when its segment begins, so that the segment pays no more than what runs. */
const maxStraightReach = 512;

/** Ways are measured after so much cost at a time, so they may be a little longer. */
export const costStep = 8;
const reachTolerance = 16;

/** Where little can be left to callers: in a function of more bytes one check at the entry is cheaper than many later. */
const maxLazyBytes = 256;

/** In a function of more bytes every place that counts also checks, so that no turn of a loop is too long. */
const maxUncheckedBytes = 16_384;

/**
 * Loops count their cost in a local variable, since a register is faster than memory. When it rises above zero it is
 * taken from the fuel, and `countedAhead` more may be counted. Each call of a function starts with `loopCredit`. Both
 * are long, because taking fuel now and then is a branch that the processor predicts wrongly.
 *
 * Most loops end long before either is used up. So only one part in `creditParts` of them is charged in advance: in
 * front of the loop, and when fuel is taken for the first time. A loop that goes on pays in full. A guest made of loops
 * that always stop just in time gets that many times its fuel, and no more.
 */
export const countedAhead = 4096;
export const loopCredit = 1024;
export const creditParts = 8;
const prepaidTurns = loopCredit / creditParts;

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
  /** Whether all code since the segment began runs whenever it begins. */
  #isStraight = false;
  /** Longest way of the free segment, how long it may be, and whether it pays for first turns of loops. */
  #freeReach = 0;
  #maxFree = 0;
  #hasFreeLoops = false;
  #frames = new Int32Array(initialFrames * frameStride);
  #depth = 0;
  /** For each loop around this place: segment and reach outside of it. A region is the code of one loop. */
  #outside = new Int32Array(initialFrames * 2);
  #region = 0;
  /** 1 when all ways to here have paid for the first turns of loops. */
  #isPrepaid = 0;
  /** The checks that pay for them. */
  #prepayingChecks: number[] = [];
  readonly #joins = new SegmentJoins();
  #bodyBytes = 0;
  #mayCount = false;
  #mayUnwind = false;
  /** Whether a loop counts in the local variable. */
  #hasCountingLoop = false;
  /** The edit at the head of the outermost loop around this place, and whether that loop has been seen to recurse. */
  #outermostHead = 0;
  #isInRecursingLoop = false;
  /** Whether code before this place may have recursed. */
  #hasRecursed = false;

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
    this.#region = 0;
    this.#reach = 0;
    this.#bodyBytes = bodyBytes;
    this.#mayCount = mayCount;
    this.#mayUnwind = mayUnwind;
    this.#hasCountingLoop = false;
    this.#isInRecursingLoop = false;
    this.#hasRecursed = false;
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
    if (!this.#hasCountingLoop || !this.#mayCount) return false;
    for (const check of this.#prepayingChecks) {
      this.#edits.setArgument(check, this.#edits.argument(check) + prepaidTurns);
    }
    return true;
  }

  /** Adds the cost of simple instructions up to `at`, where the next one begins. */
  add(cost: number, at: number): void {
    this.#reach += cost;
    if (this.#reach > this.#maxReach && this.#isOverlong()) this.#startSegment(at);
  }

  /** Adds the cost of one dear instruction at `at`, before it. */
  charge(cost: number, at: number): void {
    if (this.#segment === dead) return;
    if (this.#reach + cost > this.#maxReach && this.#isOverlong()) this.#startSegment(at);
    this.#reach += cost;
    if (this.#mayUnwind) this.#note(this.#segment, this.#reach);
  }

  /**
   * Adds the cost of a call at `at` of a function whose first turns of loops are not paid yet. In a loop it is taken at
   * once: counted, it would be had for a part of its cost, and loops that call loops for a part of that part.
   */
  chargeLoops(cost: number, at: number): void {
    if (this.#segment === dead) return;
    if (this.#region > 0 && !this.#isInRecursingLoop) {
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
   * Behind a call, at `at`, that may have recursed. What led to it is paid even on a way into a trap, since each depth
   * goes that way. What follows is paid here and not before: else all depths would run it without a check when the
   * recursion returns. For the same reason a loop around the call takes fuel at once instead of counting.
   */
  afterRecursion(at: number): void {
    if (this.#segment === dead) return;
    this.#note(this.#segment, this.#reach);
    this.#hasRecursed = true;
    if (this.#region > 0) this.#isInRecursingLoop = true;
    else this.#isPrepaid = 0;
    this.#startSegment(at);
  }

  /** `block`, `if`, `try` and `try_table`. */
  enter(kind: number): void {
    const base = this.#depth++ * frameStride;
    if (base === this.#frames.length) this.#frames = doubled(this.#frames);
    const frames = this.#frames;
    frames[base + kindField] = kind;
    frames[base + regionField] = this.#region;
    frames[base + segmentField] = dead;
    frames[base + reachField] = 0;
    frames[base + elseSegmentField] = this.#segment;
    frames[base + elseReachField] = this.#reach;
    frames[base + landingField] = 0;
    frames[base + prepaidField] = 1;
    frames[base + elsePrepaidField] = this.#isPrepaid;
    if (kind === frameKind.if) this.#isStraight = false;
  }

  /** Before a loop at `at`. */
  prepare(at: number): void {
    if (this.#region > 0 || this.#isPrepaid === 1) return;
    if (this.#segment === free && this.#reach + prepaidTurns <= this.#maxFree) {
      this.#reach += prepaidTurns;
      this.#hasFreeLoops = true;
      this.#isPrepaid = 1;
    } else {
      this.#prepay(at);
      // What is left on credit since before a recursion is not paid again.
      if (this.#hasRecursed) this.#edits.push(at, editKind.restartCounter, 0);
    }
  }

  /** A loop that is prepared, with its first instruction at `bodyAt`. */
  enterLoop(bodyAt: number): void {
    this.#note(this.#segment, this.#reach);
    const base = this.#region * 2;
    if (base === this.#outside.length) this.#outside = doubled(this.#outside);
    this.#outside[base] = this.#segment;
    this.#outside[base + 1] = this.#reach;
    this.#region++;
    this.enter(frameKind.loop);
    const counts = this.#mayCount && !this.#isInRecursingLoop;
    const head = this.#edits.push(bodyAt, counts ? editKind.countedCheck : editKind.check, 1);
    if (this.#region === 1) this.#outermostHead = head;
    this.#enterSegment(head);
    this.#reach = 0;
    this.#isStraight = true;
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
    if (this.#segment === dead || this.#frames[base + kindField] === frameKind.loop) return;
    const region = this.#frames[base + regionField] as number;
    if (region === this.#region) {
      this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    } else {
      this.#merge(base, this.#outside[region * 2] as number, this.#outside[region * 2 + 1] as number, 1);
    }
  }

  /** Notes that an exception may land at the label from anywhere. */
  branchOnException(label: number, at: number): void {
    this.#frames[this.#frameOf(label, at) + landingField] = 1;
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
    if (this.#frames[base + kindField] !== frameKind.if) throw invalidModule("else without if", at);
    this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    this.#frames[base + kindField] = frameKind.block;
    this.#enterSegment(this.#frames[base + elseSegmentField] as number);
    this.#reach = this.#frames[base + elseReachField] as number;
    this.#isPrepaid = this.#frames[base + elsePrepaidField] as number;
  }

  /** `at`: the first instruction of the handler. */
  catch(at: number): void {
    const base = this.#frameOf(0, at);
    if (this.#frames[base + kindField] !== frameKind.try) throw invalidModule("catch without try", at);
    this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    if (this.#region === 0) this.#isPrepaid = 0;
    this.#startSegment(at);
  }

  /** `delegate`, which also ends its block; the label counts from outside of it. `at`: the next instruction. */
  delegate(label: number, at: number): void {
    const base = this.#frameOf(0, at);
    if (this.#frames[base + kindField] !== frameKind.try) throw invalidModule("delegate without try", at);
    this.#frameOf(label + 1, at);
    this.end(at);
  }

  /** `at`: the instruction after the end. */
  end(at: number): void {
    const base = this.#frameOf(0, at);
    const frames = this.#frames;
    this.#depth--;
    if (frames[base + kindField] === frameKind.loop) {
      this.#endLoop();
      return;
    }
    this.#merge(base, this.#segment, this.#reach, this.#isPrepaid);
    if (frames[base + kindField] === frameKind.if) {
      const elseSegment = frames[base + elseSegmentField] as number;
      const elseReach = frames[base + elseReachField] as number;
      this.#merge(base, elseSegment, elseReach, frames[base + elsePrepaidField] as number);
    }
    this.#enterSegment(frames[base + segmentField] as number);
    this.#reach = frames[base + reachField] as number;
    this.#isPrepaid = this.#hasRecursed ? 0 : (frames[base + prepaidField] as number);
    if (frames[base + landingField] === 1 && this.#depth > 0) {
      if (this.#region === 0) this.#isPrepaid = 0;
      this.#startSegment(at);
    }
  }

  #endLoop(): void {
    this.#note(this.#segment, this.#reach);
    this.#region--;
    const base = this.#region * 2;
    if (this.#segment !== dead) this.#enterSegment(this.#outside[base] as number);
    this.#reach = this.#outside[base + 1] as number;
    if (this.#region === 0) this.#endOutermostLoop();
  }

  #endOutermostLoop(): void {
    if (!this.#isInRecursingLoop) {
      this.#hasCountingLoop = true;
      return;
    }
    this.#isInRecursingLoop = false;
    this.#isPrepaid = 0;
    this.#edits.checkAtOnce(this.#outermostHead);
  }

  /** Takes fuel here for what follows and, if there are loops, for their first turns. */
  #prepay(at: number): void {
    this.#startSegment(at);
    this.#prepayingChecks.push(this.#segment);
    this.#isPrepaid = 1;
  }

  /** Takes fuel here for what follows. */
  #startSegment(at: number): void {
    this.#note(this.#segment, this.#reach);
    const place = this.#edits.push(at, this.#kindOfPlace(), 0);
    this.#enterSegment(place);
    this.#reach = 0;
    this.#isStraight = true;
  }

  #kindOfPlace(): number {
    if (this.#region === 0 || this.#isInRecursingLoop || !this.#mayCount) return editKind.check;
    return this.#bodyBytes > maxUncheckedBytes ? editKind.countedCheck : editKind.count;
  }

  #isOverlong(): boolean {
    if (this.#segment === dead) return false;
    return !this.#isStraight || this.#segment === free || this.#reach > maxStraightReach;
  }

  #enterSegment(segment: number): void {
    this.#segment = segment;
    this.#isStraight = false;
    this.#maxReach = this.#maxReachOf(segment, this.#region);
  }

  /** Notes that a way of the segment leads out of the block. */
  #merge(base: number, segment: number, reach: number, isPrepaid: number): void {
    if (segment === dead) return;
    this.#note(segment, reach);
    const frames = this.#frames;
    if (isPrepaid === 0) frames[base + prepaidField] = 0;
    const before = frames[base + segmentField] as number;
    const reachBefore = frames[base + reachField] as number;
    if (before === segment) {
      if (reach > reachBefore) frames[base + reachField] = reach;
    } else if (before === dead || this.#isOlder(segment, before)) {
      frames[base + segmentField] = segment;
      frames[base + reachField] = reach;
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

  #maxReachOf(segment: number, region: number): number {
    if (segment === free) return this.#maxFree;
    return region === 0 || this.#isInRecursingLoop ? maxOuterReach : maxLoopReach;
  }

  #frameOf(label: number, at: number): number {
    if (label >= this.#depth) throw invalidModule(`label ${label} does not exist`, at);
    return (this.#depth - 1 - label) * frameStride;
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
