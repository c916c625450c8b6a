/** The configuration that `--config` names, as JSON text in one line. */

import { InputError, systemReason } from "../event/input-error.ts";

/** Null for no path. @throws InputError `configuration-unreadable`, `configuration-not-json` */
export async function readConfig(path: string | null): Promise<string | null> {
  if (path === null) return null;
  let text: string;
  try {
    text = await Bun.file(path).text();
  } catch (error) {
    throw new InputError(
      "configuration-unreadable",
      `cannot read the configuration ${path}: ${systemReason(error)}`,
      {
        cause: error,
      },
    );
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw new InputError("configuration-not-json", `the configuration ${path} is not JSON`, {
      cause: error,
    });
  }
}
