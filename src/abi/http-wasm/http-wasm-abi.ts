/** The http-wasm ABI: what a module must export, and how guests of it are made (https://http-wasm.io/http-handler-abi/). */

import type { EventKind } from "../../event/event.ts";
import type { ExportType } from "../../wasm/binary/export-types.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { type AbiOptions, DEFAULT_HTTP_WASM } from "../abi-options.ts";
import type { Abi, StatefulFactory } from "../contract.ts";
import { BodyMemory } from "./body-memory.ts";
import { configurationOf } from "./configuration.ts";
import { HANDLE_REQUEST, HANDLE_RESPONSE } from "./handlers.ts";
import { HOST_MODULE } from "./host-functions/host-functions.ts";
import { type GuestPlan, startHttpWasmGuest } from "./http-wasm-guest.ts";
import { loadWarnings } from "./load-warnings.ts";
import { LostChanges } from "./lost-changes.ts";
import { compilePackedResults } from "./packed-results.ts";

const REQUIRED_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  [HANDLE_REQUEST, "() -> i64"],
  [HANDLE_RESPONSE, "(i32, i32) -> ()"],
]);

export const httpWasmAbi = {
  name: "http-wasm",
  recognises: ({ imports, exportTypes }) =>
    imports.some(({ module }) => module === HOST_MODULE) ||
    exportTypes.has(HANDLE_REQUEST) ||
    exportTypes.has(HANDLE_RESPONSE),
  prepare,
} satisfies Abi;

function prepare(
  loaded: LoadedModule,
  { httpWasm: options = DEFAULT_HTTP_WASM }: AbiOptions,
): StatefulFactory {
  assertExports(loaded.exportTypes);
  const imported = importedNames(loaded);
  const plan: GuestPlan = {
    loaded,
    packedResults: compilePackedResults(),
    readsBodies: imported.has("read_body"),
    writesBodies: imported.has("write_body"),
    sharesInstance: options.shareInstances,
    bodies: new BodyMemory(),
    configurationFor: (configJson) => configurationOf(options.configuration, configJson),
  };
  return {
    abiName: "http-wasm",
    isStateful: true,
    sharesInstance: options.shareInstances,
    handles: handledEvents(plan, imported),
    takesConfiguration: imported.has("get_config"),
    readsConfigurationFile: true,
    warnings: loadWarnings(loaded.imports, options),
    instantiate: (host) =>
      startHttpWasmGuest(
        plan,
        host,
        new LostChanges(options.onUnsupported, host.log, host.reportedFunctions),
      ),
  };
}

function assertExports(types: ReadonlyMap<string, ExportType>): void {
  if (types.get("memory")?.kind !== "memory") {
    throw new ModuleError(
      "module-missing-export",
      "the module does not export its memory under the name `memory`; the host functions of http-wasm read and write there",
    );
  }
  for (const [name, expected] of REQUIRED_FUNCTIONS) {
    const type = types.get(name);
    if (type === undefined) {
      throw new ModuleError(
        "module-missing-export",
        `the module does not export the function \`${name}\` of type ${expected}, which every http-wasm module has`,
      );
    }
    const found = type.kind === "function" ? type.signature : `a ${type.kind}`;
    if (found !== expected) {
      throw new ModuleError(
        "module-wrong-signature",
        `the module exports \`${name}\` as ${found}; http-wasm says ${expected}`,
      );
    }
  }
}

function importedNames({ imports }: LoadedModule): ReadonlySet<string> {
  return new Set(imports.filter(({ module }) => module === HOST_MODULE).map(({ name }) => name));
}

/** Bodies only where the module can do anything with them; those of responses are for guests that buffer them. */
function handledEvents(
  { readsBodies, writesBodies }: GuestPlan,
  imported: ReadonlySet<string>,
): ReadonlySet<EventKind> {
  const kinds: EventKind[] = ["request-headers", "response-headers"];
  if (readsBodies || writesBodies) {
    kinds.push("request-body-chunk");
    if (imported.has("enable_features")) kinds.push("response-body-chunk");
  }
  return new Set(kinds);
}
