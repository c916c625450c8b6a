/** What guests of the JSON ABI may import beside WASI: what AssemblyScript's compiler puts into its modules. */

import type { AbiImports } from "../../wasm/imports/abi-imports.ts";
import { assemblyScriptFunctions } from "../../wasm/imports/assemblyscript/assemblyscript-functions.ts";
import { MATH_CONSTANTS } from "../../wasm/imports/assemblyscript/math.ts";

const MODULE = "env";

export const JSON_IMPORTS: AbiImports = {
  summary: "what AssemblyScript imports from env",
  functions: (module, host) => (module === MODULE ? assemblyScriptFunctions(host) : null),
  globals: (module) => (module === MODULE ? MATH_CONSTANTS : null),
};
