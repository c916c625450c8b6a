/** A guest of the JSON ABI from a module's bytes, as the agent prepares it. */

import type { StatelessFactory } from "../../src/abi/contract.ts";
import { type GuestRecipe, prepareGuest } from "../../src/abi/guest-recipe.ts";
import type { LoadedModule } from "../../src/wasm/load-module.ts";
import type { LimitOptions } from "../../src/wasm/metering/limited-module.ts";

export function jsonRecipe(
  moduleBytes: Uint8Array<ArrayBuffer>,
  limits: LimitOptions | null,
  canonicalHeaderCase = false,
): GuestRecipe {
  return { moduleBytes, limits, abi: { abi: "json", canonicalHeaderCase } };
}

export async function prepareStateless(
  recipe: GuestRecipe,
): Promise<{ readonly module: LoadedModule; readonly factory: StatelessFactory }> {
  const { module, factory } = await prepareGuest(recipe);
  if (factory.isStateful) throw new Error("the guest is stateful");
  return { module, factory };
}
