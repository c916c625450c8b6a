/**
 * How the agent is started: the program that AGENT_BIN names, else the built executable, else the sources.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const BUILT = join(ROOT, "dist/sentinel-wasm-agent");

export function agentProgram(): readonly string[] {
  const named = process.env["AGENT_BIN"];
  if (named !== undefined && named !== "") return [named];
  return existsSync(BUILT) ? [BUILT] : [process.execPath, join(ROOT, "src/main.ts")];
}
