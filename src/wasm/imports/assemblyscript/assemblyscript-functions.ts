/** All functions that AssemblyScript's compiler and standard library import from `env`, for one instance. */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { consoleFunctions } from "./console.ts";
import { MATH_FUNCTIONS } from "./math.ts";
import { processFunctions } from "./process.ts";

export function assemblyScriptFunctions(host: ImportHost): ImportFunctions {
  return {
    ...processFunctions(host),
    ...consoleFunctions(host),
    ...MATH_FUNCTIONS,
    "Date.now": () => Math.floor(host.clock.realtimeMicros() / 1000),
    "performance.now": () => host.clock.monotonicMicros() / 1000,
    seed: () => randomSeed(host),
  };
}

/** `Math.random` takes the bits of this number for its state: 53 random ones, and never the zero it would be stuck at. */
function randomSeed(host: ImportHost): number {
  const words = new Uint32Array(2);
  host.fillRandom(new Uint8Array(words.buffer));
  return (words[0]! >>> 5) * 2 ** 26 + (words[1]! >>> 6) + 1;
}
