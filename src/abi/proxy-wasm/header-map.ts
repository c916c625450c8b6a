/**
 * One header map of a message: what the proxy sent, and what the guest has made of it. A guest that only adds headers
 * pays for its additions alone, since the map is spelled out when it is first read.
 */

import type { HeaderOp } from "../../event/header-ops.ts";
import { type HeaderPairs, MAX_MAP_BYTES, MAX_MAP_PAIRS } from "./serialized-map.ts";

/** Where a map comes from: a message of the proxy. Names are in lower case, pseudo-headers first. */
export interface HeaderSource {
  readonly pairCount: number;
  readPairs(): { readonly names: string[]; readonly values: string[] };
  /** The map's name for a header: in lower case, and `:authority` for the host of a request. */
  keyOf(name: string): string;
  /** The header by which a proxy can be told to change the pseudo-header; null when there is none. */
  carrierOf(pseudoHeader: string): string | null;
}

export class HeaderMap implements HeaderPairs {
  readonly #source: HeaderSource;
  #names: string[] | null = null;
  #values: string[] = [];
  #ops: HeaderOp[] = [];
  /** Pseudo-headers that were edited, as the proxy sent them. */
  readonly #sentPseudo = new Map<string, string>();
  /** Of these, the ones with a new value that no proxy can be told. */
  readonly #lost = new Set<string>();
  #editedPairs = 0;
  #editedUnits = 0;

  constructor(source: HeaderSource) {
    this.#source = source;
  }

  get names(): readonly string[] {
    return this.#read();
  }

  get values(): readonly string[] {
    this.#read();
    return this.#values;
  }

  get pairCount(): number {
    return this.#names?.length ?? this.#source.pairCount;
  }

  /** Of several values the first; null for a header that is not there. */
  first(name: string): string | null {
    const at = this.#read().indexOf(this.#source.keyOf(name));
    return at < 0 ? null : this.#values[at]!;
  }

  /** False, and nothing is changed, when the guest has added more than any message may have. */
  add(name: string, value: string): boolean {
    if (!this.#mayGrow(name, value)) return false;
    const key = this.#source.keyOf(name);
    // There is one value of a pseudo-header, ever.
    if (isPseudo(key)) return this.replace(name, value);
    if (this.#names !== null) this.#append(key, value);
    this.#ops.push({ op: "add", name: key, value });
    return true;
  }

  /** As `add`. */
  replace(name: string, value: string): boolean {
    if (!this.#mayGrow(name, value)) return false;
    const key = this.#source.keyOf(name);
    if (isPseudo(key)) this.#replacePseudo(key, value);
    else {
      if (this.#names !== null) this.#put(key, value);
      this.#ops.push({ op: "set", name: key, value });
    }
    return true;
  }

  /** As `add`. A pseudo-header cannot be removed, and nothing happens. */
  remove(name: string): boolean {
    if (!this.#mayGrow(name, "")) return false;
    const key = this.#source.keyOf(name);
    if (isPseudo(key)) return true;
    if (this.#names !== null && !this.#take(key)) return true;
    this.#ops.push({ op: "remove", name: key });
    return true;
  }

  /** Makes the map one of these pairs and no others, pseudo-headers excepted. */
  replaceAll(pairs: HeaderPairs): boolean {
    const wanted = this.#grouped(pairs);
    const present = this.#grouped({ names: this.#read(), values: this.#values });
    for (const key of present.keys()) {
      if (!wanted.has(key) && !this.remove(key)) return false;
    }
    for (const [key, values] of wanted) {
      if (areEqual(values, present.get(key))) continue;
      const [first = "", ...others] = values;
      if (!this.replace(key, first)) return false;
      for (const value of others) if (!this.add(key, value)) return false;
    }
    return true;
  }

  get hasEdits(): boolean {
    return this.#ops.length > 0 || this.#lost.size > 0;
  }

  /** The edits since the last call, in order. */
  takeOps(): readonly HeaderOp[] {
    const ops = this.#ops;
    if (ops.length > 0) this.#ops = [];
    return ops;
  }

  /** Pseudo-headers whose new values no proxy can be told, and forgets them. */
  takeLost(): readonly string[] {
    if (this.#lost.size === 0) return [];
    const names = [...this.#lost];
    this.#lost.clear();
    return names;
  }

  #read(): string[] {
    if (this.#names !== null) return this.#names;
    const { names, values } = this.#source.readPairs();
    this.#names = names;
    this.#values = values;
    for (const op of this.#ops) this.#apply(op);
    return names;
  }

  #apply(op: HeaderOp): void {
    if (op.op === "add") this.#append(op.name, op.value);
    else if (op.op === "set") this.#put(op.name, op.value);
    else this.#take(op.name);
  }

  #replacePseudo(key: string, value: string): void {
    const before = this.first(key) ?? "";
    if (before === value) return;
    this.#put(key, value);
    const carrier = this.#source.carrierOf(key);
    if (carrier !== null) {
      this.#ops.push({ op: "set", name: carrier, value });
      return;
    }
    const sent = this.#sentPseudo.get(key) ?? before;
    this.#sentPseudo.set(key, sent);
    // The guest may have taken its change back.
    if (value === sent) this.#lost.delete(key);
    else this.#lost.add(key);
  }

  #append(key: string, value: string): void {
    this.#names!.push(key);
    this.#values.push(value);
  }

  /** One value is left, where the first one was. */
  #put(key: string, value: string): void {
    const names = this.#names!;
    const at = names.indexOf(key);
    if (at < 0) {
      this.#append(key, value);
      return;
    }
    this.#values[at] = value;
    this.#takeFrom(key, at + 1);
  }

  /** False when it was not there. */
  #take(key: string): boolean {
    return this.#takeFrom(key, 0);
  }

  #takeFrom(key: string, from: number): boolean {
    const names = this.#names!;
    let hasTaken = false;
    for (let at = names.indexOf(key, from); at >= 0; at = names.indexOf(key, at)) {
      names.splice(at, 1);
      this.#values.splice(at, 1);
      hasTaken = true;
    }
    return hasTaken;
  }

  #mayGrow(name: string, value: string): boolean {
    this.#editedPairs++;
    this.#editedUnits += name.length + value.length;
    return this.#editedPairs <= MAX_MAP_PAIRS && this.#editedUnits <= MAX_MAP_BYTES;
  }

  #grouped({ names, values }: HeaderPairs): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (let i = 0; i < names.length; i++) {
      const key = this.#source.keyOf(names[i]!);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [values[i]!]);
      else group.push(values[i]!);
    }
    return groups;
  }
}

function isPseudo(key: string): boolean {
  return key.startsWith(":");
}

function areEqual(a: readonly string[], b: readonly string[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((value, i) => value === b[i]);
}
