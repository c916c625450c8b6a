/**
 * The serving settings that a command line and an environment make; for tests.
 */

import type { Settings } from "../../../src/agent/settings.ts";
import { SERVE_OPTIONS } from "../../../src/cli/options.ts";
import { OptionsError, type OptionsErrorCode } from "../../../src/cli/options-error.ts";
import { type Environment, readOptions } from "../../../src/cli/read-options.ts";

export function readServeOptions(
  argv: readonly string[],
  env: Environment = {},
  stderrIsTerminal = false,
): Settings {
  return readOptions(SERVE_OPTIONS, { argv, env, terminal: { stderrIsTerminal } });
}

/** What is said about a command line that must be refused. */
export function refusalOf(argv: readonly string[], env: Environment = {}): [OptionsErrorCode, string] {
  try {
    readServeOptions(argv, env);
  } catch (error) {
    if (error instanceof OptionsError) return [error.code, error.message];
    throw error;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}
