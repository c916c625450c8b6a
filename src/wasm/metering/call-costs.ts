/**
 * What a call of each of the guest's functions costs its caller, as far as it is known. A function is read before those
 * that call it wherever that is possible, so that they can pay for its code as for their own. Where it is not (recursion,
 * a very deep chain of calls, a call by reference) the call is blind: its price is fixed, and the function called may
 * leave no more than that to its callers.
 */

import { callCost } from "./instruction-shape.ts";

/** How much of its code a function may leave to callers of which each knows it. */
const maxFreeCost = 512;

/** A chain of as many calls is treated as recursion is: all of its functions may wait in loops at the same time. */
const maxHeight = 4;

const unread = 0;
const reading = 1;
const read = 2;

export class CallCosts {
  readonly #states: Uint8Array;
  readonly #owed: Uint16Array;
  readonly #owesLoops: Uint8Array;
  /** How many functions may wait for each other below it; `maxHeight` for more, and for recursion. */
  readonly #heights: Uint8Array;
  readonly #isCalledBlindly: Uint8Array;

  /** Whether code of the module may catch exceptions: then calls can be left by them. Scanners set it. */
  mayUnwind: boolean;

  /** All functions are given by their number among those with code. */
  constructor(functions: number, mayUnwind: boolean) {
    this.mayUnwind = mayUnwind;
    this.#states = new Uint8Array(functions);
    this.#owed = new Uint16Array(functions);
    this.#owesLoops = new Uint8Array(functions);
    this.#heights = new Uint8Array(functions);
    this.#isCalledBlindly = new Uint8Array(functions);
  }

  begin(number: number): void {
    this.#states[number] = reading;
  }

  /** Notes that a function makes a blind call, or calls one that does: its callers may wait in a circle of calls. */
  noteRecursion(number: number): void {
    this.#heights[number] = maxHeight;
  }

  /** Notes a call of a function that has been read. */
  noteCall(number: number, called: number): void {
    const height = (this.#heights[called] as number) + 1;
    if (height > (this.#heights[number] as number)) this.#heights[number] = Math.min(height, maxHeight);
  }

  mayRecurse(number: number): boolean {
    return this.#heights[number] === maxHeight;
  }

  /** `owed`: what the function leaves to its callers; `owesLoops`: first turns of loops are among it. */
  finish(number: number, owed: number, owesLoops: boolean): void {
    this.#states[number] = read;
    this.#owed[number] = owed;
    this.#owesLoops[number] = owesLoops ? 1 : 0;
  }

  isUnread(number: number): boolean {
    return this.#states[number] === unread;
  }

  isRead(number: number): boolean {
    return this.#states[number] === read;
  }

  /** Of a function that has been read. */
  owed(number: number): number {
    return this.#owed[number] as number;
  }

  /** Of a function that has been read. */
  owesLoops(number: number): boolean {
    return this.#owesLoops[number] === 1;
  }

  /** Notes a call, or the chance of one, of a function that is not read to its end. */
  callBlindly(number: number): void {
    this.#isCalledBlindly[number] = 1;
  }

  isCalledBlindly(number: number): boolean {
    return this.#isCalledBlindly[number] === 1;
  }

  /** How much of its code the function may leave to its callers. */
  maxFree(number: number): number {
    return this.isCalledBlindly(number) ? callCost : maxFreeCost;
  }
}
