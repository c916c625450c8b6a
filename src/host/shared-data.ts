/**
 * Data that all instances of a module share, on whatever thread they run: values by key, changed by compare-and-swap
 * (docs/proxy-wasm.md 8). Scopes, the VM ids of Envoy, do not see each other.
 */

import { keyOf, type SharedStore, SharedWord } from "./shared-memory.ts";

const MAX_KEY_BYTES = 4096;
const MAX_VALUE_BYTES = 1024 * 1024;
const DATA = "data ";
/** How many instances use a scope. */
const USERS = "users ";
const NO_BYTES = Buffer.alloc(0);

export interface SharedValue {
  /** A copy. */
  readonly bytes: Buffer;
  /** The number of the write it came with, never 0. */
  readonly cas: number;
}

export type SetOutcome = "done" | "mismatch" | "full";

export class SharedData {
  readonly #store: SharedStore;

  constructor(store: SharedStore) {
    this.#store = store;
  }

  /** Null for a key that is not there. */
  get(scope: string, key: Uint8Array): SharedValue | null {
    if (key.length > MAX_KEY_BYTES) return null;
    const { table } = this.#store;
    const found = this.#store.locked(() => table.get(keyOf(DATA, scope, key)));
    return found === null ? null : { bytes: found.bytes, cas: found.tag };
  }

  /** `cas` 0 sets the value in any case; another one must be the value's own. A key that is not there takes any. */
  set(scope: string, key: Uint8Array, value: Uint8Array, cas: number): SetOutcome {
    if (key.length > MAX_KEY_BYTES || value.length > MAX_VALUE_BYTES) return "full";
    const { table } = this.#store;
    return this.#store.locked(() => {
      const stored = keyOf(DATA, scope, key);
      const before = table.tagOf(stored) >>> 0;
      if (cas !== 0 && before !== 0 && before !== cas >>> 0) return "mismatch";
      return table.set(stored, value, this.#nextTag()) ? "done" : "full";
    });
  }

  /**
   * An instance uses the scope from now on. What scopes without any instance hold is forgotten now, and not when the last
   * instance goes: that one may be about to be replaced.
   */
  retain(scope: string): void {
    const { table, words } = this.#store;
    this.#store.locked(() => {
      const key = keyOf(USERS, scope, NO_BYTES);
      if (!table.has(key)) words[SharedWord.scopes]!++;
      table.set(key, NO_BYTES, table.tagOf(key) + 1);
      if (words[SharedWord.scopes]! > 1) this.#dropUnused();
    });
  }

  release(scope: string): void {
    const { table } = this.#store;
    this.#store.locked(() => {
      const key = keyOf(USERS, scope, NO_BYTES);
      if (table.has(key)) table.set(key, NO_BYTES, Math.max(0, table.tagOf(key) - 1));
    });
  }

  #dropUnused(): void {
    const { table, words } = this.#store;
    for (const key of table.keysOf(Buffer.from(USERS))) {
      if (table.tagOf(key) > 0) continue;
      const scope = key.toString("utf8", USERS.length, key.length - 1);
      table.deletePrefix(keyOf(DATA, scope, NO_BYTES));
      table.delete(key);
      words[SharedWord.scopes]!--;
    }
  }

  /** One counter for all keys, which begins with 1 and leaves out 0. */
  #nextTag(): number {
    const tag = Atomics.add(this.#store.words, SharedWord.lastTag, 1) + 1;
    return (tag | 0) === 0 ? this.#nextTag() : tag | 0;
  }
}
