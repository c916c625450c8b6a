/**
 * What a rewrite adds to a module: an imported function, and types, functions, globals and exports behind the guest's
 * own. Gives out their indices before anything is written, and knows how the guest's function indices move.
 */

import type { ModuleOutline } from "../binary/module-outline.ts";
import { unlike } from "./unlike-name.ts";

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
  /** Index of the imported function, if there is one: behind the guest's imported functions. */
  readonly importedFunction: number;
  readonly #importedFunctions: number;
  readonly #firstType: number;
  readonly #firstFunction: number;
  readonly #firstGlobal: number;
  readonly #typeIndices = new Map<string, number>();
  readonly #exportNames: Set<string>;

  /** `importedFunctions`: how many functions are imported besides the guest's own. */
  constructor(outline: ModuleOutline, importedFunctions: 0 | 1) {
    this.importedFunction = outline.importedFunctions;
    this.#importedFunctions = importedFunctions;
    this.#firstType = outline.types.length;
    this.#firstFunction = outline.functionTypes.length + importedFunctions;
    this.#firstGlobal = outline.importedGlobals + outline.definedGlobals;
    this.#exportNames = new Set(outline.exports.map(({ name }) => name));
  }

  /** The index in the rewritten module of a function of the guest. */
  movedFunction(index: number): number {
    return index < this.importedFunction ? index : index + this.#importedFunctions;
  }

  /** The guest's own index of a function in the rewritten module; null for the added ones. */
  guestFunction(index: number): number | null {
    if (index < this.importedFunction) return index;
    if (index >= this.#firstFunction) return null;
    const guestIndex = index - this.#importedFunctions;
    return guestIndex < this.importedFunction ? null : guestIndex;
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

  /** Returns the name of the export: the wanted one, or one made from it that is not taken. */
  addExport(wanted: string, kind: number, index: number): string {
    const name = unlike(wanted, this.#exportNames);
    this.#exportNames.add(name);
    this.exports.push({ name, kind, index });
    return name;
  }
}
