/**
 * What Proxy-Wasm guests import beside WASI. Functions of all versions are given to every guest, since one that is
 * missing would refuse a module that never calls it (docs/proxy-wasm.md 3).
 */

import type { AbiImports } from "../../wasm/imports/abi-imports.ts";
import { assemblyScriptFunctions } from "../../wasm/imports/assemblyscript/assemblyscript-functions.ts";
import { MATH_CONSTANTS } from "../../wasm/imports/assemblyscript/math.ts";
import type { ImportFunctions } from "../../wasm/imports/import-functions.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";
import { bufferFunctions } from "./host-functions/buffers.ts";
import { calloutFunctions } from "./host-functions/callouts.ts";
import { dialectFunctions, unknownFunction } from "./host-functions/dialect.ts";
import { PROXY_FUNCTIONS, STUB_FUNCTIONS } from "./host-functions/known-names.ts";
import { headerMapFunctions } from "./host-functions/header-maps.ts";
import { loggingFunctions } from "./host-functions/logging.ts";
import { metricFunctions } from "./host-functions/metrics.ts";
import { propertyFunctions } from "./host-functions/properties.ts";
import { sharedDataFunctions } from "./host-functions/shared-data.ts";
import { streamFunctions } from "./host-functions/streams.ts";
import type { PluginState } from "./plugin-state.ts";

/** What AssemblyScript's compiler imports (`assemblyScriptFunctions`). */
const ASSEMBLYSCRIPT =
  /^(?:abort|seed|trace|Date\.now|performance\.now|process\.exit|console\.\w+|Math\.\w+)$/;

type Descriptor = WebAssembly.ModuleImportDescriptor;

export const MODULE = "env";

/**
 * @param descriptors all imports of the module
 * @param makeState of the instance that the imports are made for
 */
export function proxyWasmImports(
  descriptors: readonly Descriptor[],
  makeState: (host: ImportHost) => PluginState,
): AbiImports {
  return {
    summary: "Proxy-Wasm 0.1.0 to 0.2.1 from env",
    functions: (module, host) => {
      if (module !== MODULE) return null;
      const state = makeState(host);
      const known = hostFunctions(state);
      const unknown = unknownImports(descriptors).map(
        (name) => [name, unknownFunction(state, name)] as const,
      );
      return { ...Object.fromEntries(unknown), ...known };
    },
    globals: (module) => (module === MODULE ? MATH_CONSTANTS : null),
  };
}

export function hostFunctions(state: PluginState): ImportFunctions {
  return {
    ...assemblyScriptFunctions(state.imports),
    ...loggingFunctions(state),
    ...bufferFunctions(state),
    ...headerMapFunctions(state),
    ...streamFunctions(state),
    ...propertyFunctions(state),
    ...sharedDataFunctions(state),
    ...metricFunctions(state),
    ...calloutFunctions(state),
    ...dialectFunctions(state),
  };
}

/** Names of functions from `env` that are given, but with nothing behind them. */
export function unknownImports(descriptors: readonly Descriptor[]): readonly string[] {
  return envFunctions(descriptors).filter(
    (name) => !PROXY_FUNCTIONS.has(name) && !STUB_FUNCTIONS.has(name) && !ASSEMBLYSCRIPT.test(name),
  );
}

function envFunctions(descriptors: readonly Descriptor[]): readonly string[] {
  return descriptors
    .filter(({ module, kind }) => module === MODULE && kind === "function")
    .map(({ name }) => name);
}
