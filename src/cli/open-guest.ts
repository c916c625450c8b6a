/** The guest that a command asks: from its file, with the configuration it was given. */

import { BenchGuest } from "../tools/bench-guest.ts";
import type { GuestSettings } from "../tools/guest-settings.ts";
import { readModuleFile } from "../wasm/load-module.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { readConfig } from "./read-config.ts";

export interface GuestFiles extends GuestSettings {
  readonly modulePath: string;
  readonly configPath: string | null;
}

/** @throws ModuleError that names the file, InputError for the configuration. */
export async function openGuest(settings: GuestFiles): Promise<BenchGuest> {
  const bytes = await readModuleFile(settings.modulePath);
  const configJson = await readConfig(settings.configPath);
  try {
    return await BenchGuest.open(bytes, settings, configJson);
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    throw new ModuleError(error.code, `${settings.modulePath}: ${error.message}`, { cause: error });
  }
}
