/**
 * The JSON ABI: what a module must export (docs/design.md 6.1), and how guests of it are made.
 */

import type { EventFailure } from "../../event/failure.ts";
import type { ExportType } from "../../wasm/export-types.ts";
import type { GuestHost } from "../../wasm/guest-host.ts";
import { GuestMemory } from "../../wasm/guest-memory.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import {
  type InstanceExports,
  type StartedInstance,
  startError,
  startInstance,
} from "../../wasm/start-instance.ts";
import type { Abi, GuestFactory } from "../contract.ts";
import { bigIntHandler, type Handler, splitHandler } from "./handler.ts";
import { JsonGuest } from "./json-guest.ts";
import { VerdictCache } from "./verdict-cache.ts";

export interface JsonAbiOptions {
  readonly canonicalHeaderCase: boolean;
}

const HANDLER_TYPE = "(i32, i32) -> i64";
export const REQUEST_HANDLER = "on_request_headers";
export const RESPONSE_HANDLER = "on_response_headers";
const CONFIGURE_HANDLER = "on_configure";
const ABI_FLAGS = "sentinel_abi_flags";

/** Exports that get a twin without BigInt when the limits are compiled in. */
export const SPLIT_EXPORTS: readonly string[] = [REQUEST_HANDLER, RESPONSE_HANDLER];

/**
 * Functions of the contract. An optional one of another type counts as missing, as in the Rust agent
 * (docs/design.md 6.1).
 */
export const REQUIRED_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ["alloc", "(i32) -> i32"],
  ["dealloc", "(i32, i32) -> ()"],
]);
export const OPTIONAL_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  [REQUEST_HANDLER, HANDLER_TYPE],
  [RESPONSE_HANDLER, HANDLER_TYPE],
  [CONFIGURE_HANDLER, "(i32, i32) -> i32"],
  [ABI_FLAGS, "() -> i32"],
]);

export function jsonAbi(options: JsonAbiOptions): Abi {
  return {
    name: "json",
    recognises: (loaded) =>
      loaded.exportTypes.has(REQUEST_HANDLER) || loaded.exportTypes.has(RESPONSE_HANDLER),
    prepare: (loaded) => prepare(loaded, options),
  };
}

function prepare(loaded: LoadedModule, options: JsonAbiOptions): GuestFactory {
  const types = loaded.exportTypes;
  assertRequiredExports(types);
  // Equal results mean the same whichever instance they come from.
  const verdicts = new VerdictCache();
  const warnings: string[] = [];
  const usable = new Set<string>();
  for (const [name, expected] of OPTIONAL_FUNCTIONS) {
    const type = types.get(name);
    if (type === undefined) continue;
    if (describeType(type) === expected) usable.add(name);
    else
      warnings.push(
        `the export \`${name}\` is ${describeType(type)} instead of ${expected} and is never called`,
      );
  }
  if (!usable.has(REQUEST_HANDLER) && !usable.has(RESPONSE_HANDLER)) throw noHandler(warnings);
  return {
    abiName: "json",
    handlesRequests: usable.has(REQUEST_HANDLER),
    handlesResponses: usable.has(RESPONSE_HANDLER),
    warnings,
    instantiate: (host) => makeGuest(loaded, usable, host, options, verdicts),
  };
}

function assertRequiredExports(types: ReadonlyMap<string, ExportType>): void {
  if (types.get("memory")?.kind !== "memory") {
    throw new ModuleError(
      "module-missing-export",
      "the module does not export its memory under the name `memory`; the host reads and writes JSON there",
    );
  }
  for (const [name, expected] of REQUIRED_FUNCTIONS) {
    const type = types.get(name);
    if (type === undefined) {
      throw new ModuleError(
        "module-missing-export",
        `the module does not export the function \`${name}${expected}\``,
      );
    }
    if (describeType(type) !== expected) {
      throw new ModuleError(
        "module-wrong-signature",
        `the module exports \`${name}\` as ${describeType(type)}; the contract says ${expected}`,
      );
    }
  }
}

function noHandler(warnings: readonly string[]): ModuleError {
  const [first] = warnings;
  return first === undefined
    ? new ModuleError(
        "module-missing-export",
        `the module exports neither \`${REQUEST_HANDLER}\` nor \`${RESPONSE_HANDLER}\`; at least one of type ${HANDLER_TYPE} is needed`,
      )
    : new ModuleError("module-wrong-signature", `the module has no handler that can be called: ${first}`);
}

function describeType(type: ExportType): string {
  return type.kind === "function" ? type.signature : `a ${type.kind}`;
}

function makeGuest(
  loaded: LoadedModule,
  usable: ReadonlySet<string>,
  host: GuestHost,
  options: JsonAbiOptions,
  verdicts: VerdictCache,
): JsonGuest {
  const started = startInstance(loaded, host);
  const exports = started.exports;
  return new JsonGuest(
    started,
    {
      memory: new GuestMemory(exports["memory"] as WebAssembly.Memory),
      alloc: exports["alloc"] as (size: number) => number,
      dealloc: exports["dealloc"] as (pointer: number, size: number) => void,
      onRequestHeaders: usable.has(REQUEST_HANDLER) ? handlerOf(loaded, exports, REQUEST_HANDLER) : null,
      onResponseHeaders: usable.has(RESPONSE_HANDLER) ? handlerOf(loaded, exports, RESPONSE_HANDLER) : null,
      onConfigure: usable.has(CONFIGURE_HANDLER)
        ? (exports[CONFIGURE_HANDLER] as (pointer: number, length: number) => number)
        : null,
      onDeallocFailure: (failure) => reportOnce(host, "dealloc", failure),
    },
    {
      canonicalHeaderCase: options.canonicalHeaderCase,
      abiFlags: usable.has(ABI_FLAGS) ? readAbiFlags(started, host) : 0,
    },
    verdicts,
    // Half of the cap is left for the one call that needs much.
    (loaded.limits?.maxMemoryBytes ?? Number.POSITIVE_INFINITY) / 2,
  );
}

function handlerOf(loaded: LoadedModule, exports: InstanceExports, name: string): Handler {
  const twin = loaded.limited?.splitExports.get(name);
  const low = loaded.limited?.splitLowExport;
  return twin !== undefined && typeof low === "string"
    ? splitHandler(
        name,
        exports[twin] as (pointer: number, length: number) => number,
        exports[low] as () => number,
      )
    : bigIntHandler(name, exports[name] as (pointer: number, length: number) => bigint);
}

/** Asked once an instance; without that export it gets the documented keys only (docs/design.md 6.4). */
function readAbiFlags(started: StartedInstance, host: GuestHost): number {
  const flags = started.exports[ABI_FLAGS] as () => number;
  started.deadline.arm(host.startTimeoutMs);
  try {
    return flags();
  } catch (thrown) {
    throw startError(thrown, started.imports, started.deadline, ABI_FLAGS);
  }
}

/** A guest whose dealloc fails does so with every call: one line for each ring is enough. */
function reportOnce(host: GuestHost, name: string, failure: EventFailure): void {
  if (host.reportedFunctions.has(name)) return;
  host.reportedFunctions.add(name);
  host.log.warn(`${name} failed; the answer stands, but each such call costs an instance (said once)`, {
    slot: host.slot,
    code: failure.code,
    reason: failure.message,
  });
}
