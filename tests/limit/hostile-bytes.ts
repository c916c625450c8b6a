/** What may come of bytes that are perhaps a module: a ModuleError, or a rewritten module as valid as the input is. */

import { limitModule } from "../../src/wasm/limit/limit-module.ts";
import type { LimitedModule } from "../../src/wasm/limit/limited-module.ts";
import { ModuleError } from "../../src/wasm/module-error.ts";
import { wideCaps } from "./module-build.ts";

export type HostileVerdict = "refused" | "valid" | "invalid";

export interface HostileOutcome {
  readonly verdict: HostileVerdict;
  /** Empty when all is right. */
  readonly difference: string;
}

/** Faults in code that is never reached, which the engine does not look for. */
const laxEngine = /: (else without if|catch without try|label \d+ does not exist) at byte/;

export function hostileOutcome(bytes: Uint8Array<ArrayBuffer>): HostileOutcome {
  const before = Bun.hash(bytes);
  const valid = WebAssembly.validate(bytes);
  let limited: LimitedModule;
  try {
    limited = limitModule(bytes, { ...wideCaps, fuelPerSlice: 1000, splitResults: ["evaluate", "finish"] });
  } catch (error) {
    if (!(error instanceof ModuleError)) {
      return { verdict: "refused", difference: `no ModuleError but ${String(error)}` };
    }
    const wronglyRefused = valid && !laxEngine.test(error.message);
    const difference = wronglyRefused ? `a valid module was refused: ${error.code}: ${error.message}` : "";
    return { verdict: "refused", difference };
  }
  if (Bun.hash(bytes) !== before) {
    return { verdict: "valid", difference: "the input was changed in place" };
  }
  const validAfter = WebAssembly.validate(limited.bytes);
  const difference = valid === validAfter ? "" : `valid: ${valid}, after the rewrite: ${validAfter}`;
  return { verdict: validAfter ? "valid" : "invalid", difference };
}
