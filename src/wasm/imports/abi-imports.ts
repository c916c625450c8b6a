/**
 * What an ABI gives to its guests beside WASI, which every guest gets. Names are the guest's choice and hostile; whatever
 * is asked for and not given refuses the module.
 */

import type { ImportFunctions } from "./import-functions.ts";
import type { ImportHost } from "./import-host.ts";

/**
 * An ABI may make one for each instance, so that its functions know whom they serve, or one for all. The calling ABI sees
 * to it that its functions check every pointer and bound their work (`ImportHost.memory`, `ImportHost.work`).
 */
export interface AbiImports {
  /** What is given, in words that end the sentence "provided are WASI preview 1 and ...". */
  readonly summary: string;
  /**
   * The functions that a guest finds in the import module `module`, for one instance; null for none. A function that is
   * also one of WASI is given in its place. Called at most once for each module name and instance.
   */
  functions(module: string, host: ImportHost): ImportFunctions | null;
  /** Immutable numbers by import name, as the type that the guest declares; null for none. */
  globals?(module: string): ReadonlyMap<string, number> | null;
  /**
   * How many pages an imported memory begins with at least; null for a memory that is not given. One is made for each
   * instance, with as many as the guest declares where that is more, and never more than it may have.
   */
  memoryPages?(module: string, name: string): number | null;
}
