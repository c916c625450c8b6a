/**
 * Everything that makes a guest from a module's bytes, as plain values: a recipe can be sent to another thread, a
 * compiled guest cannot.
 */

import { type LoadedModule, loadModule } from "../wasm/load-module.ts";
import type { LimitOptions } from "../wasm/metering/limited-module.ts";
import type { AbiOptions } from "./abi-options.ts";
import type { Abi, GuestFactory } from "./contract.ts";
import { unpackBundle } from "./opa/policy-bundle.ts";
import { ABIS, DEFAULT_ABI } from "./registry.ts";

export interface GuestRecipe {
  /** As they were read: a module, or a bundle of OPA with one in it. */
  readonly moduleBytes: Uint8Array<ArrayBuffer>;
  /** Null runs the module as it is. */
  readonly limits: LimitOptions | null;
  readonly abi: AbiOptions;
}

export interface PreparedGuest {
  readonly module: LoadedModule;
  readonly factory: GuestFactory;
}

/** Fuel of one slice: some 40 µs of a tight loop, and at most some milliseconds of whatever a guest may do. */
const FUEL_PER_SLICE = 100_000;
const MAX_TABLE_ENTRIES = 1_000_000;

/** The limits that guests run under; only their memory is for the operator to choose. */
export function guestLimits(maxMemoryBytes: number): LimitOptions {
  return {
    maxMemoryBytes,
    maxTableEntries: MAX_TABLE_ENTRIES,
    fuelPerSlice: FUEL_PER_SLICE,
  };
}

/** @throws ModuleError with a sentence that says what the module lacks. */
export async function prepareGuest(recipe: GuestRecipe): Promise<PreparedGuest> {
  const { moduleBytes, bundle } = await unpackBundle(recipe.moduleBytes);
  const module = await loadModule(moduleBytes, recipe.limits);
  return { module, factory: await chooseAbi(module, recipe.abi).prepare(module, recipe.abi, bundle) };
}

function chooseAbi(module: LoadedModule, { abi: wanted }: AbiOptions): Abi {
  const chosen =
    wanted === "auto" ? ABIS.find((abi) => abi.recognises(module)) : ABIS.find(({ name }) => name === wanted);
  return chosen ?? DEFAULT_ABI;
}
