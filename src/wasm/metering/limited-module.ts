/**
 * What the rewrite takes and gives (docs/design.md 4.1). The loader calls `limitModule` once per module; instances only
 * link what is described here.
 */

import type { ImportedMemory } from "../imported-memory.ts";

export interface LimitOptions {
  /** Cap for all memories of one instance together. Initial sizes above it refuse the module. */
  readonly maxMemoryBytes: number;
  /** Cap for the entries of each table. */
  readonly maxTableEntries: number;
  /** Fuel of an instance's first slice: about one unit per executed instruction until the clock is looked at. */
  readonly fuelPerSlice: number;
}

export interface LimitedModule {
  /** The rewritten binary; a fresh buffer, owned by the caller. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * The one import the rewrite adds: a function () -> i32, called when a slice of fuel is used up. It returns the units
   * of the next slice, and with 0 the guest traps at once (a trap, because guests can catch exceptions of the host).
   */
  readonly sliceEndImport: { readonly module: string; readonly name: string };
  /** With maxima within the cap, which the engine holds the host to. */
  readonly importedMemories: readonly ImportedMemory[];
  /**
   * Original export -> the one to call in its place, under a name unlike any of the guest's: every function export of
   * type (i32 ...) -> i64 has one with the same parameters. It returns the high half of the result, so that the host
   * never sees a BigInt, and leaves the low half to `splitLowExport`.
   */
  readonly splitExports: ReadonlyMap<string, string>;
  /** () -> i32: the low half of the last split result. Null when no export was split. */
  readonly splitLowExport: string | null;
  /**
   * (units: i32) -> i32: takes units of fuel for work the host did, and returns what is left of the slice: negative
   * when it is used up, so that the guest's next check ends it. Negative units give fuel, up to `fuelPerSlice` in all. A function, because an exported global would be read
   * through a pointer by every check (RATIONALE.md, "Why the fuel is not exported").
   */
  readonly fuelExport: string;
  /** () -> (): what the guest's start section named, to be called once; null when it has none. See `start-export.ts`. */
  readonly startExport: string | null;
  /** Mutable i32 global counting bytes of garbage-collected objects made since the host last set it; null when the module makes none. */
  readonly gcBytesExport: string | null;
  /** What a compiler of the engine may keep for the function that makes it keep most; see `function-complexity.ts`. */
  readonly compilerBytes: number;
  /** Name of a function by its index in the REWRITTEN module, from the name section or else its export name. */
  functionName(index: number): string | undefined;
}
