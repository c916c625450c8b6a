/** The guest that a command asks: from its file, with the configuration it was given. */

import { GuestConfig, unusedConfiguration } from "../agent/guest-config.ts";
import { BenchGuest } from "../tools/bench-guest.ts";
import type { GuestSettings } from "../tools/guest-settings.ts";
import { readModuleFile } from "../wasm/load-module.ts";
import { ModuleError } from "../wasm/module-error.ts";
import type { Surroundings } from "./surroundings.ts";

export interface GuestFiles extends GuestSettings {
  readonly modulePath: string;
  readonly configPath: string | null;
}

/**
 * A configuration that means nothing to the module is worth a line on `stderr`.
 *
 * @throws ModuleError that names the file, InputError for the configuration.
 */
export async function openGuest(
  settings: GuestFiles,
  { stderr }: Pick<Surroundings, "stderr">,
): Promise<BenchGuest> {
  const bytes = await readModuleFile(settings.modulePath);
  const config = new GuestConfig(settings.configPath, { mayBePipe: true });
  try {
    const guest = await BenchGuest.open(bytes, settings, config);
    const { factory } = guest.prepared;
    if (config.isUnusedBy(factory)) stderr.write(`${unusedConfiguration(factory)}\n`);
    return guest;
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    throw new ModuleError(error.code, `${settings.modulePath}: ${error.message}`, { cause: error });
  }
}
