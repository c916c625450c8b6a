/** From a path to a guest that can be asked: read, prepared, warmed up. */

import { type GuestRecipe, makeRecipe, type PreparedGuest, prepareGuest } from "../abi/guest-recipe.ts";
import type { Log } from "../telemetry/log.ts";
import { readModuleFile } from "../wasm/load-module.ts";
import type { ConfigFile, GuestConfig } from "./guest-config.ts";
import { readPolicyOptions } from "./policy-settings.ts";
import type { Settings } from "./settings.ts";
import { warmUp } from "./warm-up.ts";

export interface LoadedGuest extends PreparedGuest {
  readonly recipe: GuestRecipe;
}

/**
 * @param file what the file of the guest's configuration holds
 * @throws ModuleError with a sentence that says what is missing, InputError for a configuration that cannot be used.
 */
export async function loadGuest(
  settings: Settings,
  config: GuestConfig,
  file: ConfigFile,
  log: Log,
): Promise<LoadedGuest> {
  const recipe = makeRecipe(await readModuleFile(settings.modulePath), settings, {
    httpWasm: {
      onUnsupported: settings.onUnsupported,
      shareInstances: settings.shareInstances,
      configuration: file,
    },
    opa: await readPolicyOptions(settings, settings.events),
  });
  const guest = await prepareGuest(recipe);
  for (const warning of guest.factory.warnings) log.warn(warning);
  if (recipe.limits === null) {
    log.warn("the module runs without limits (--no-limits): an endless loop in it stops this agent for good");
  }
  const { timeoutMs, startTimeoutMs } = settings;
  const configJson = config.jsonFor(guest.factory, file);
  warmUp(guest.factory, { timeoutMs, startTimeoutMs, configJson, log });
  return { ...guest, recipe };
}
