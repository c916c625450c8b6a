/**
 * Everything that makes a guest from a module's bytes, as plain values: a recipe can be sent to another thread, a
 * compiled guest cannot.
 */

import { readExportTypes } from "../wasm/binary/export-types.ts";
import { type LoadedModule, loadModule } from "../wasm/load-module.ts";
import type { LimitOptions } from "../wasm/metering/limited-module.ts";
import type { AbiName, AbiOptions, OnUnsupported } from "./abi-options.ts";
import type { Abi, GuestFactory, ModuleSurface } from "./contract.ts";
import { unpackBundle } from "./opa/policy-bundle.ts";
import { hasAbiMarker } from "./proxy-wasm/abi-version.ts";
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
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
/** Filters for Envoy that people use take 60 to 130 MiB (docs/proxy-wasm.md 12). */
const FILTER_MAX_MEMORY_BYTES = 256 * 1024 * 1024;

/** The limits that guests run under; only their memory is for the operator to choose. */
export function guestLimits(maxMemoryBytes: number): LimitOptions {
  return {
    maxMemoryBytes,
    maxTableEntries: MAX_TABLE_ENTRIES,
    fuelPerSlice: FUEL_PER_SLICE,
  };
}

/** What an operator or an author sets, and a recipe depends on. */
export interface RecipeSettings {
  readonly limits: boolean;
  /** Null leaves it to the module's ABI. */
  readonly maxMemoryBytes: number | null;
  readonly headerCase: "preserve" | "canonical";
  readonly abi: AbiName | "auto";
  readonly onUnsupported: OnUnsupported;
}

/** `others`: options of ABIs that depend on more than these settings. */
export function makeRecipe(
  moduleBytes: Uint8Array<ArrayBuffer>,
  settings: RecipeSettings,
  others: Pick<AbiOptions, "httpWasm" | "opa">,
): GuestRecipe {
  const maxMemoryBytes = settings.maxMemoryBytes ?? defaultMaxMemory(moduleBytes, settings.abi);
  return {
    moduleBytes,
    limits: settings.limits ? guestLimits(maxMemoryBytes) : null,
    abi: {
      abi: settings.abi,
      canonicalHeaderCase: settings.headerCase === "canonical",
      proxyWasm: { onUnsupported: settings.onUnsupported },
      ...others,
    },
  };
}

/** What the memories of an instance may take together when the operator does not say. */
export function defaultMaxMemory(moduleBytes: Uint8Array, abi: AbiName | "auto"): number {
  const isFilter = abi === "auto" ? isMarkedProxyWasm(moduleBytes) : abi === "proxy-wasm";
  return isFilter ? FILTER_MAX_MEMORY_BYTES : MAX_MEMORY_BYTES;
}

/** A module that cannot even be read is refused elsewhere, with a better sentence. */
function isMarkedProxyWasm(moduleBytes: Uint8Array): boolean {
  try {
    return hasAbiMarker(readExportTypes(moduleBytes));
  } catch {
    return false;
  }
}

/** @throws ModuleError with a sentence that says what the module lacks. */
export async function prepareGuest(recipe: GuestRecipe): Promise<PreparedGuest> {
  const { moduleBytes, bundle } = await unpackBundle(recipe.moduleBytes);
  const module = await loadModule(moduleBytes, recipe.limits);
  return { module, factory: await chooseAbi(module, recipe.abi.abi).prepare(module, recipe.abi, bundle) };
}

/** The one that is wanted, or the first that recognises the module. */
export function chooseAbi(module: ModuleSurface, wanted: AbiName | "auto"): Abi {
  const chosen =
    wanted === "auto" ? ABIS.find((abi) => abi.recognises(module)) : ABIS.find(({ name }) => name === wanted);
  return chosen ?? DEFAULT_ABI;
}
