/**
 * Where the code of the guest changes: found while scanning, applied while writing. One flat array, because a large
 * module has millions of edits.
 */

import { ModuleError } from "../module-error.ts";
import { doubled } from "./doubled.ts";

export const editKind = {
  /** Insert a fuel check; the argument is its cost, and a check without cost is left out. */
  check: 0,
  /** Insert the check of a loop that counts in a local variable; the argument is its cost. */
  countedCheck: 1,
  /** Count the argument in that variable. */
  count: 2,
  /** Insert the start of a block without results, when the argument is not 0. */
  openBlock: 3,
  /** Insert the end of a block. */
  closeBlock: 4,
  /** Write a loop's code `loopCopies` times: it begins at the argument, and its branch back stands here. */
  repeat: 5,
  /** Replace the function index that stands here; the argument is the guest's index. */
  functionIndex: 6,
  /** Insert a call; the argument is the index in the rewritten module. */
  insertCall: 7,
  /** Replace an instruction by a call; the argument is the index in the rewritten module. */
  replaceByCall: 8,
  /** Insert the account of an object of fixed size; the argument is its bytes. */
  countBytes: 9,
  /** Insert what makes the timeout of an atomic wait zero. */
  dropTimeout: 10,
  /** Insert what gives that variable a value, if there is one; the argument is the value. */
  setCounter: 11,
} as const;

/** How often the code of a repeated loop stands in a row. */
export const loopCopies = 4;

const stride = 3;
const kindBits = 4;
const initialEdits = 256;
const maxEdits = 2 ** 26;

export class EditList {
  #data = new Int32Array(initialEdits * stride);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * Adds an edit at offset `at` of the source which replaces `replacedBytes` bytes; edits come in the order of
   * their offsets. Returns the edit's number.
   */
  push(at: number, kind: number, argument: number, replacedBytes = 0): number {
    const base = this.#length * stride;
    if (base === this.#data.length) this.#grow();
    this.#data[base] = at;
    this.#data[base + 1] = (replacedBytes << kindBits) | kind;
    this.#data[base + 2] = argument;
    return this.#length++;
  }

  at(edit: number): number {
    return this.#data[edit * stride] as number;
  }

  kind(edit: number): number {
    return (this.#data[edit * stride + 1] as number) & ((1 << kindBits) - 1);
  }

  replacedBytes(edit: number): number {
    return (this.#data[edit * stride + 1] as number) >> kindBits;
  }

  argument(edit: number): number {
    return this.#data[edit * stride + 2] as number;
  }

  setArgument(edit: number, argument: number): void {
    this.#data[edit * stride + 2] = argument;
  }

  /** Adds the edits of another list behind its own, under new numbers. */
  append(other: EditList): void {
    const length = this.#length + other.#length;
    if (length > maxEdits) throw tooManyEdits();
    while (this.#data.length < length * stride) this.#grow();
    this.#data.set(other.#data.subarray(0, other.#length * stride), this.#length * stride);
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
  }

  #grow(): void {
    if (this.#length >= maxEdits) throw tooManyEdits();
    this.#data = doubled(this.#data);
  }
}

function tooManyEdits(): ModuleError {
  return new ModuleError(
    "module-too-large",
    `The code of the module needs more than ${maxEdits} changes for its limits. Use a smaller module.`,
  );
}
