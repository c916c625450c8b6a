/**
 * What a built-in function is: the policies' functions that are not compiled into them, but asked of the host.
 *
 * A function that fails is undefined, and so is the expression that calls it: policies rely on that. Only what the host
 * will not do at all, because it is too much work, ends the evaluation: an undefined result would let whoever sends a
 * large request choose which rules hold.
 */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, RegoObject, RegoSet, type RegoValue } from "../values/rego-value.ts";

/** What holds for one evaluation. */
export interface EvaluationContext {
  /** Nanoseconds since 1970: the same whenever it is asked for. */
  readonly nowNs: bigint;
  /** Results that must not change during an evaluation, by a key of the function's own. */
  readonly memo: Map<string, RegoValue>;
  /** Fills all of it. */
  fillRandom(bytes: Uint8Array): void;
  /** Takes host work off the guest's fuel, in units of about 0.4 ns. Call it before the work. */
  charge(units: number): void;
  /** For work in steps: throws whatever ends the evaluation once its time is up. */
  assertInTime(): void;
  /** A line for the log, as the policy's own output. */
  print(text: string): void;
}

/** Fuel of one microsecond. */
export const UNITS_PER_US = 2500;

/** @throws UndefinedResult, TooMuchWork, and what `assertInTime` throws. */
export type Builtin = (args: readonly RegoValue[], context: EvaluationContext) => RegoValue;

export type BuiltinTable = Readonly<Record<string, Builtin>>;

/** The function has no result. No Error, since a policy may run into thousands of them and nobody reads the stack. */
export class UndefinedResult {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** The host refuses the work: the evaluation ends with a failure. */
export class TooMuchWork {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Bytes of all arguments of one call, and of its result. */
export const MAX_TEXT_UNITS = 8 * 1024 * 1024;

export function assertWorkable(units: number, most: number, what: string): void {
  if (units > most) throw new TooMuchWork(`${what}: ${units} of at most ${most}`);
}

export function stringArgument(args: readonly RegoValue[], index: number): string {
  const value = args[index];
  if (typeof value !== "string") throw wrongType(index, "a string");
  return value;
}

export function numberArgument(args: readonly RegoValue[], index: number): RegoNumber {
  const value = args[index];
  if (!(value instanceof RegoNumber)) throw wrongType(index, "a number");
  return value;
}

export function integerArgument(args: readonly RegoValue[], index: number): number {
  const value = numberArgument(args, index).toInteger();
  if (value === null) throw wrongType(index, "an integer");
  return value;
}

export function arrayArgument(args: readonly RegoValue[], index: number): readonly RegoValue[] {
  const value = args[index];
  if (!isArray(value)) throw wrongType(index, "an array");
  return value;
}

export function objectArgument(args: readonly RegoValue[], index: number): RegoObject {
  const value = args[index];
  if (!(value instanceof RegoObject)) throw wrongType(index, "an object");
  return value;
}

/** The strings of an array or a set. */
export function stringsArgument(args: readonly RegoValue[], index: number): readonly string[] {
  const value = args[index];
  const items = value instanceof RegoSet ? value.values() : isArray(value) ? value : null;
  if (items === null) throw wrongType(index, "an array or a set");
  if (!items.every((item) => typeof item === "string")) throw wrongType(index, "a collection of strings");
  return items;
}

/** Runs what a library throws errors from, which mean that there is no result. */
export function orUndefined<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UndefinedResult || error instanceof TooMuchWork) throw error;
    throw new UndefinedResult(error instanceof Error ? error.message : String(error));
  }
}

function wrongType(index: number, expected: string): UndefinedResult {
  return new UndefinedResult(`argument ${index + 1} is not ${expected}`);
}
