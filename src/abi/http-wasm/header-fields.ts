/**
 * The header fields of one message as a guest sees and changes them. Names are lower case and compared without regard
 * to case, values keep their order. Every change is also kept as an operation, since that is what a proxy is told.
 */

import type { HeaderMap } from "../../event/event.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../../event/header-ops.ts";

/** The source of a message that only the guest writes. */
export const NO_HEADERS: HeaderMap = Object.freeze({});
const NO_VALUES: readonly string[] = [];

export class HeaderFields {
  readonly #source: HeaderMap;
  #isSourceLowerCase = false;
  /** Made for the first read after a change, and where the source has names that are not in lower case. */
  #fields: Map<string, string[]> | null = null;
  /** Changes that the fields do not show yet: many guests change headers that they never read. */
  #unseen: HeaderOp[] | null = null;
  /** Changes that were not taken yet. */
  #ops: HeaderOp[] | null = null;
  #sortedNames: readonly string[] | null = null;

  /** `source` is borrowed for the life of this object, and never changed. */
  constructor(source: HeaderMap) {
    this.#source = source;
  }

  /** Nobody but the guest has set any. */
  get isOwn(): boolean {
    return this.#source === NO_HEADERS;
  }

  /** Each once, sorted. Valid until the next change. */
  get names(): readonly string[] {
    this.#sortedNames ??= sorted(this.#readsSource() ? Object.keys(this.#source) : [...this.#all.keys()]);
    return this.#sortedNames;
  }

  /** None for a name that is absent. `key`: in lower case. */
  valuesOf(key: string): readonly string[] {
    const isUnchanged = this.#fields === null && this.#unseen === null;
    if (isUnchanged && Object.hasOwn(this.#source, key)) return this.#source[key]!;
    return this.#readsSource() ? NO_VALUES : (this.#all.get(key) ?? NO_VALUES);
  }

  set(name: string, value: string): void {
    this.#change({ op: "set", name, value });
  }

  add(name: string, value: string): void {
    this.#change({ op: "add", name, value });
  }

  remove(name: string): void {
    this.#change({ op: "remove", name });
  }

  /** The operations since the last time, in the order in which they were made. */
  takeOps(): readonly HeaderOp[] {
    const ops = this.#ops;
    this.#ops = null;
    return ops ?? NO_HEADER_OPS;
  }

  #change(op: HeaderOp): void {
    this.#sortedNames = null;
    if (this.#ops === null) this.#ops = [op];
    else this.#ops.push(op);
    if (this.#unseen === null) this.#unseen = [op];
    else this.#unseen.push(op);
  }

  /** The usual case, in which nothing needs to be copied. */
  #readsSource(): boolean {
    if (this.#fields !== null || this.#unseen !== null) return false;
    this.#isSourceLowerCase ||= hasLowerCaseNames(this.#source);
    return this.#isSourceLowerCase;
  }

  get #all(): Map<string, string[]> {
    this.#fields ??= lowerCased(this.#source);
    const fields = this.#fields;
    const unseen = this.#unseen;
    this.#unseen = null;
    for (const op of unseen ?? []) apply(op, fields);
    return fields;
  }
}

function apply(op: HeaderOp, fields: Map<string, string[]>): void {
  const key = op.name.toLowerCase();
  if (op.op === "remove") fields.delete(key);
  else if (op.op === "set") fields.set(key, [op.value]);
  else {
    const values = fields.get(key);
    if (values === undefined) fields.set(key, [op.value]);
    else values.push(op.value);
  }
}

/** Proxies send them in order. */
function sorted(names: string[]): string[] {
  for (let i = 1; i < names.length; i++) if (names[i - 1]! > names[i]!) return names.sort();
  return names;
}

function hasLowerCaseNames(source: HeaderMap): boolean {
  for (const name in source) if (name !== name.toLowerCase()) return false;
  return true;
}

function lowerCased(source: HeaderMap): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const name in source) {
    const key = name.toLowerCase();
    const before = fields.get(key);
    const values = source[name]!;
    if (before === undefined) fields.set(key, [...values]);
    else before.push(...values);
  }
  return fields;
}
