/** From a path to a guest that can be asked: read, prepared, warmed up. */

import { type GuestRecipe, type PreparedGuest, prepareGuest } from "../abi/guest-recipe.ts";
import { SPLIT_EXPORTS } from "../abi/json/json-abi.ts";
import type { Log } from "../observe/log.ts";
import type { LimitOptions } from "../wasm/limit/limited-module.ts";
import { readModuleFile } from "../wasm/load-module.ts";
import type { Settings } from "./settings.ts";
import { warmUp } from "./warm-up.ts";

export interface LoadedGuest extends PreparedGuest {
  readonly recipe: GuestRecipe;
}

/** Fuel of one slice, about a tenth of a millisecond of work: the most by which a deadline is missed. */
const FUEL_PER_SLICE = 200_000;
const MAX_TABLE_ENTRIES = 1_000_000;

/** @throws ModuleError with a sentence that says what is missing. */
export async function loadGuest(settings: Settings, log: Log): Promise<LoadedGuest> {
  const recipe: GuestRecipe = {
    moduleBytes: await readModuleFile(settings.modulePath),
    limits: limitOptions(settings),
    canonicalHeaderCase: settings.headerCase === "canonical",
  };
  const guest = await prepareGuest(recipe);
  for (const warning of guest.factory.warnings) log.warn(warning);
  if (recipe.limits === null) {
    log.warn("the module runs without limits (--no-limits): an endless loop in it stops this agent for good");
  }
  warmUp(guest.factory, { timeoutMs: settings.timeoutMs, startTimeoutMs: settings.startTimeoutMs, log });
  return { ...guest, recipe };
}

function limitOptions(settings: Settings): LimitOptions | null {
  if (!settings.limits) return null;
  return {
    maxMemoryBytes: settings.maxMemoryBytes,
    maxTableEntries: MAX_TABLE_ENTRIES,
    fuelPerSlice: FUEL_PER_SLICE,
    splitResults: SPLIT_EXPORTS,
  };
}
