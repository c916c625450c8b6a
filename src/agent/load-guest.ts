/** From a path to a guest that can be asked: read, prepared, warmed up. */

import { type GuestRecipe, guestLimits, type PreparedGuest, prepareGuest } from "../abi/guest-recipe.ts";
import type { Log } from "../telemetry/log.ts";
import { readModuleFile } from "../wasm/load-module.ts";
import { readPolicyOptions } from "./policy-settings.ts";
import type { Settings } from "./settings.ts";
import { warmUp } from "./warm-up.ts";

export interface LoadedGuest extends PreparedGuest {
  readonly recipe: GuestRecipe;
}

/**
 * @param configJson what the guest will be configured with; null for nothing
 * @throws ModuleError with a sentence that says what is missing.
 */
export async function loadGuest(
  settings: Settings,
  configJson: string | null,
  log: Log,
): Promise<LoadedGuest> {
  const recipe: GuestRecipe = {
    moduleBytes: await readModuleFile(settings.modulePath),
    limits: settings.limits ? guestLimits(settings.maxMemoryBytes) : null,
    abi: {
      abi: "auto",
      canonicalHeaderCase: settings.headerCase === "canonical",
      opa: await readPolicyOptions(settings, settings.events),
    },
  };
  const guest = await prepareGuest(recipe);
  for (const warning of guest.factory.warnings) log.warn(warning);
  if (recipe.limits === null) {
    log.warn("the module runs without limits (--no-limits): an endless loop in it stops this agent for good");
  }
  const { timeoutMs, startTimeoutMs } = settings;
  warmUp(guest.factory, { timeoutMs, startTimeoutMs, configJson, log });
  return { ...guest, recipe };
}
