/** A policy to evaluate without events around it. */

import { guestLimits } from "../../src/abi/guest-recipe.ts";
import { bindBuiltins, inspectPolicy } from "../../src/abi/opa/opa-abi.ts";
import { unpackBundle } from "../../src/abi/opa/policy-bundle.ts";
import { PolicyInstance } from "../../src/abi/opa/policy-instance.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { loadModule } from "../../src/wasm/load-module.ts";
import { silentLog } from "../support/silent-log.ts";

export interface OpenPolicy {
  readonly instance: PolicyInstance;
  readonly entrypoints: ReadonlyMap<string, number>;
  /** Names of the built-in functions that it asks the host for. */
  readonly builtins: readonly string[];
}

export interface OpenPolicyOptions {
  readonly maxMemoryBytes?: number;
  readonly log?: Log;
  readonly dataJson?: string;
}

/** `file`: a module or a bundle. */
export async function openPolicy(
  file: Uint8Array<ArrayBuffer>,
  { maxMemoryBytes = 64 * 1024 * 1024, log = silentLog(), dataJson }: OpenPolicyOptions = {},
): Promise<OpenPolicy> {
  const { moduleBytes, bundle } = await unpackBundle(file);
  const loaded = await loadModule(moduleBytes, guestLimits(maxMemoryBytes));
  const { builtinIds, entrypointIds } = inspectPolicy(loaded);
  const host = {
    slot: 0,
    log,
    startTimeoutMs: 5000,
    isMuted: false,
    lineRate: new LineRate(),
    reportedFunctions: new Set<string>(),
  };
  const instance = new PolicyInstance(loaded, host, await bindBuiltins(builtinIds));
  instance.loadData(dataJson ?? bundle?.dataJson ?? "{}", 5000);
  return { instance, entrypoints: entrypointIds, builtins: [...builtinIds.keys()] };
}
