/**
 * What the rewrite adds to a module: one import, and types, functions and globals behind the guest's own. Gives out
 * their indices before anything is written, and knows how the guest's function indices move.
 */

import type { ModuleOutline } from "./module-outline.ts";

interface AddedFunction {
  readonly type: number;
  readonly body: readonly number[];
}

export class AddedDefinitions {
  readonly types: (readonly number[])[] = [];
  readonly functions: AddedFunction[] = [];
  /** Initial values; all are mutable i32. */
  readonly globals: number[] = [];
  readonly exports: { readonly name: string; readonly kind: number; readonly index: number }[] = [];
  /** Index of the imported function, behind the guest's imported functions. */
  readonly importedFunction: number;
  readonly #firstType: number;
  readonly #firstFunction: number;
  readonly #firstGlobal: number;
  readonly #typeIndices = new Map<string, number>();

  constructor(outline: ModuleOutline) {
    this.importedFunction = outline.importedFunctions;
    this.#firstType = outline.types.length;
    this.#firstFunction = outline.functionTypes.length + 1;
    this.#firstGlobal = outline.importedGlobals + outline.definedGlobals;
  }

  /** The index in the rewritten module of a function of the guest. */
  movedFunction(index: number): number {
    return index < this.importedFunction ? index : index + 1;
  }

  /** The guest's own index of a function in the rewritten module; null for the added ones. */
  guestFunction(index: number): number | null {
    if (index === this.importedFunction || index >= this.#firstFunction) return null;
    return index < this.importedFunction ? index : index - 1;
  }

  /** The index of a type, given as its bytes; equal types are one. */
  addType(bytes: readonly number[]): number {
    const key = bytes.join(" ");
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.#firstType + this.types.push(bytes) - 1;
    this.#typeIndices.set(key, index);
    return index;
  }

  addFunction(type: readonly number[], body: readonly number[]): number {
    return this.#firstFunction + this.functions.push({ type: this.addType(type), body }) - 1;
  }

  addGlobal(initialValue: number): number {
    return this.#firstGlobal + this.globals.push(initialValue) - 1;
  }
}
