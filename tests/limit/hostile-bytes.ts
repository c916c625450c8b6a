/** What may come of bytes that are perhaps a module: a ModuleError, or a rewritten module as valid as the input is. */

import { limitModule } from "../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../src/wasm/binary/module-outline.ts";
import type { LimitedModule } from "../../src/wasm/metering/limited-module.ts";
import { ModuleError } from "../../src/wasm/module-error.ts";
import { wideCaps } from "./module-build.ts";

export type HostileVerdict =
  | "refused"
  /** The engine takes the bytes. It does not look at all of the code that is never reached, so it may be wrong. */
  | "refused-alone"
  | "valid"
  | "invalid";

export interface HostileOutcome {
  readonly verdict: HostileVerdict;
  /** What the rewrite said when it refused the bytes. */
  readonly refusal: string;
  /** Empty when all is right. */
  readonly difference: string;
}

export function hostileOutcome(bytes: Uint8Array<ArrayBuffer>): HostileOutcome {
  const before = Bun.hash(bytes);
  const valid = WebAssembly.validate(bytes);
  let limited: LimitedModule;
  try {
    limited = limitModule(readOutline(bytes), { ...wideCaps, fuelPerSlice: 1000 });
  } catch (error) {
    if (!(error instanceof ModuleError)) {
      return { verdict: "refused", refusal: "", difference: `no ModuleError but ${String(error)}` };
    }
    const refusal = `${error.code}: ${error.message}`;
    return { verdict: valid ? "refused-alone" : "refused", refusal, difference: "" };
  }
  if (Bun.hash(bytes) !== before) {
    return { verdict: "valid", refusal: "", difference: "the input was changed in place" };
  }
  const validAfter = WebAssembly.validate(limited.bytes);
  const difference = valid === validAfter ? "" : `valid: ${valid}, after the rewrite: ${validAfter}`;
  return { verdict: validAfter ? "valid" : "invalid", refusal: "", difference };
}
