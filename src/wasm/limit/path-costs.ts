/**
 * Follows the control flow of one function and finds, for each fuel check, the cost of the longest way from it to
 * the next check. Within one turn of a loop all branches go forward, so one pass over the code is enough: every
 * block remembers the longest way by which it can be left.
 *
 * A segment is the code that one check pays for. Where ways of different segments join, and where an exception may
 * land, a check is put in, so that any code belongs to one segment alone.
 */

import { invalidModule } from "./byte-reader.ts";
import { editKind, type EditList } from "./edit-list.ts";

export const frameKind = { block: 0, loop: 1, if: 2, try: 3 } as const;

/** No way leads here. */
const dead = -1;
/** Ways of different segments lead here. */
const mixed = -2;

const frameStride = 6;
const kindField = 0;
const regionField = 1;
const segmentField = 2;
const reachField = 3;
const elseSegmentField = 4;
const elseReachField = 5;

const initialFrames = 64;

/** Longest way between two checks: long straight code gets checks in between. */
export const maxSegmentCost = 4096;

export class PathCosts {
  /** Cost of the longest way from the segment's check to here. Callers add to it. */
  reach = 0;
  readonly #edits: EditList;
  /** The number of the check that pays for the code here, or `dead`. */
  #segment = dead;
  #frames = new Int32Array(initialFrames * frameStride);
  #depth = 0;
  /** For each loop around this place: segment and reach outside of it. A region is the code of one loop. */
  #outside = new Int32Array(initialFrames * 2);
  #region = 0;

  constructor(edits: EditList) {
    this.#edits = edits;
  }

  get depth(): number {
    return this.#depth;
  }

  get isLive(): boolean {
    return this.#segment !== dead;
  }

  get isInLoop(): boolean {
    return this.#region > 0;
  }

  /** Starts a function whose first instruction is at `at`; returns the number of its entry check. */
  begin(at: number): number {
    this.#depth = 0;
    this.#region = 0;
    this.reach = 0;
    this.#segment = this.#edits.push(at, editKind.check, 0);
    this.enter(frameKind.block);
    return this.#segment;
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
    frames[base + elseReachField] = this.reach;
  }

  /** `at`: the first instruction within the loop. */
  enterLoop(at: number): void {
    this.#note(this.#segment, this.reach);
    const base = this.#region * 2;
    if (base === this.#outside.length) this.#outside = doubled(this.#outside);
    this.#outside[base] = this.#segment;
    this.#outside[base + 1] = this.reach;
    this.#region++;
    this.enter(frameKind.loop);
    this.#segment = this.#edits.push(at, editKind.check, 1);
    this.reach = 0;
  }

  /** Notes that control may go to the label; it may also go on here. */
  branch(label: number, at: number): void {
    const base = this.#frameOf(label, at);
    this.#note(this.#segment, this.reach);
    if (this.#segment === dead || this.#frames[base + kindField] === frameKind.loop) return;
    const region = this.#frames[base + regionField] as number;
    if (region === this.#region) {
      this.#merge(base, this.#segment, this.reach);
    } else {
      this.#merge(base, this.#outside[region * 2] as number, this.#outside[region * 2 + 1] as number);
    }
  }

  /** Notes that an exception may land at the label from anywhere. */
  branchOnException(label: number, at: number): void {
    this.#frames[this.#frameOf(label, at) + segmentField] = mixed;
  }

  /** After an instruction behind which nothing runs. */
  stop(): void {
    this.#note(this.#segment, this.reach);
    this.#segment = dead;
  }

  else(at: number): void {
    const base = this.#top(at);
    if (this.#frames[base + kindField] !== frameKind.if) throw invalidModule("else without if", at);
    this.#merge(base, this.#segment, this.reach);
    this.#frames[base + kindField] = frameKind.block;
    this.#segment = this.#frames[base + elseSegmentField] as number;
    this.reach = this.#frames[base + elseReachField] as number;
  }

  /** `at`: the first instruction of the handler. */
  catch(at: number): void {
    const base = this.#top(at);
    if (this.#frames[base + kindField] !== frameKind.try) throw invalidModule("catch without try", at);
    this.#merge(base, this.#segment, this.reach);
    this.checkpoint(at);
  }

  /** `delegate`, which also ends its block; the label counts from outside of it. `at`: the next instruction. */
  delegate(label: number, at: number): void {
    const base = this.#top(at);
    if (this.#frames[base + kindField] !== frameKind.try) throw invalidModule("delegate without try", at);
    this.#frameOf(label + 1, at);
    this.end(at);
  }

  /** `at`: the instruction after the end. */
  end(at: number): void {
    const base = this.#top(at);
    this.#depth--;
    if (this.#frames[base + kindField] === frameKind.loop) {
      this.#endLoop();
      return;
    }
    if (this.#frames[base + kindField] === frameKind.if) {
      this.#merge(
        base,
        this.#frames[base + elseSegmentField] as number,
        this.#frames[base + elseReachField] as number,
      );
    }
    this.#join(base, at);
  }

  /** Puts a check into long code; code that cannot run needs none. */
  split(at: number): void {
    if (this.isLive) this.checkpoint(at);
    else this.reach = 0;
  }

  /** Puts a check here, which pays for what follows. */
  checkpoint(at: number): void {
    this.#note(this.#segment, this.reach);
    this.#segment = this.#edits.push(at, editKind.check, 0);
    this.reach = 0;
  }

  #endLoop(): void {
    this.#note(this.#segment, this.reach);
    this.#region--;
    if (this.#segment !== dead) this.#segment = this.#outside[this.#region * 2] as number;
    this.reach = this.#outside[this.#region * 2 + 1] as number;
  }

  #join(base: number, at: number): void {
    const segment = this.#frames[base + segmentField] as number;
    const reach = this.#frames[base + reachField] as number;
    if (segment === dead) return;
    if (segment === mixed) {
      this.#joinMixed(at);
    } else if (this.#segment === dead) {
      this.#segment = segment;
      this.reach = reach;
    } else if (this.#segment === segment) {
      if (reach > this.reach) this.reach = reach;
    } else {
      this.#note(segment, reach);
      this.#joinMixed(at);
    }
  }

  #joinMixed(at: number): void {
    if (this.#depth > 0) this.checkpoint(at);
    else this.#note(this.#segment, this.reach);
  }

  #merge(base: number, segment: number, reach: number): void {
    if (segment === dead) return;
    this.#note(segment, reach);
    const frames = this.#frames;
    const before = frames[base + segmentField] as number;
    if (before === dead) {
      frames[base + segmentField] = segment;
      frames[base + reachField] = reach;
    } else if (before === segment) {
      if (reach > (frames[base + reachField] as number)) frames[base + reachField] = reach;
    } else {
      frames[base + segmentField] = mixed;
    }
  }

  #note(segment: number, reach: number): void {
    if (segment >= 0 && reach > this.#edits.argument(segment)) this.#edits.setArgument(segment, reach);
  }

  #top(at: number): number {
    return this.#frameOf(0, at);
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
