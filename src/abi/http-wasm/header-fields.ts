/**
 * The header fields of one message as a guest sees and changes them. Names are lower case and compared without regard
 * to case, values keep their order. Every change is also kept as an operation, since that is what a proxy is told.
 */

import type { HeaderMap } from "../../event/event.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../../event/header-ops.ts";

const NO_VALUES: readonly string[] = [];

export class HeaderFields {
  readonly #source: HeaderMap;
  /** Made when it is first looked at: many guests look at none. */
  #fields: Map<string, readonly string[]> | null = null;
  #sortedNames: readonly string[] | null = null;
  #ops: HeaderOp[] = [];

  /** `source` is borrowed for the life of this object, and never changed. */
  constructor(source: HeaderMap) {
    this.#source = source;
  }

  /** Each once, sorted. Valid until the next change. */
  get names(): readonly string[] {
    this.#sortedNames ??= [...this.#all.keys()].sort();
    return this.#sortedNames;
  }

  /** None for a name that is absent. */
  valuesOf(name: string): readonly string[] {
    return this.#all.get(name.toLowerCase()) ?? NO_VALUES;
  }

  has(name: string): boolean {
    return this.#all.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#replace(name.toLowerCase(), [value]);
    this.#ops.push({ op: "set", name, value });
  }

  add(name: string, value: string): void {
    this.#replace(name.toLowerCase(), [...this.valuesOf(name), value]);
    this.#ops.push({ op: "add", name, value });
  }

  remove(name: string): void {
    if (this.#all.delete(name.toLowerCase())) this.#sortedNames = null;
    this.#ops.push({ op: "remove", name });
  }

  /** The operations since the last time, in the order in which they were made. */
  takeOps(): readonly HeaderOp[] {
    if (this.#ops.length === 0) return NO_HEADER_OPS;
    const ops = this.#ops;
    this.#ops = [];
    return ops;
  }

  #replace(key: string, values: readonly string[]): void {
    const fields = this.#all;
    if (!fields.has(key)) this.#sortedNames = null;
    fields.set(key, values);
  }

  get #all(): Map<string, readonly string[]> {
    this.#fields ??= lowerCased(this.#source);
    return this.#fields;
  }
}

function lowerCased(source: HeaderMap): Map<string, readonly string[]> {
  const fields = new Map<string, readonly string[]>();
  for (const name in source) {
    const key = name.toLowerCase();
    const before = fields.get(key);
    const values = source[name]!;
    fields.set(key, before === undefined ? values : [...before, ...values]);
  }
  return fields;
}
