/**
 * The JSON ABI: what a module must export (docs/design.md), and how guests of it are made.
 */

import type { EventKind } from "../../event/event.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { ExportType } from "../../wasm/binary/export-types.ts";
import type { GuestHost } from "../../wasm/guest-host.ts";
import { GuestMemory } from "../../wasm/guest-memory.ts";
import type { InstanceExports } from "../../wasm/imports/import-host.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { callAtStart, type StartedInstance, startInstance } from "../../wasm/start-instance.ts";
import type { AbiOptions } from "../abi-options.ts";
import type { Abi, StatelessFactory } from "../contract.ts";
import { EVENT_EXPORTS, type EventExport, HEADER_HANDLERS, SILENT_HANDLER } from "./event-exports.ts";
import { bigIntHandler, type Handler, silentHandler, splitHandler } from "./handler.ts";
import { JsonGuest } from "./json-guest.ts";
import { JSON_IMPORTS } from "./json-imports.ts";
import { VerdictCache } from "./verdict-cache.ts";

const CONFIGURE_HANDLER = "on_configure";
const ABI_FLAGS = "sentinel_abi_flags";

/** Functions of the contract. An optional one of another type counts as missing, as in the Rust agent. */
export const REQUIRED_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ["alloc", "(i32) -> i32"],
  ["dealloc", "(i32, i32) -> ()"],
]);
export const OPTIONAL_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ...EVENT_EXPORTS.map(({ name, signature }) => [name, signature] as const),
  [CONFIGURE_HANDLER, "(i32, i32) -> i32"],
  [ABI_FLAGS, "() -> i32"],
]);

export const jsonAbi = {
  name: "json",
  recognises: (loaded: LoadedModule) => EVENT_EXPORTS.some(({ name }) => loaded.exportTypes.has(name)),
  prepare,
} satisfies Abi;

function prepare(loaded: LoadedModule, options: AbiOptions): StatelessFactory {
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
  if (!HEADER_HANDLERS.some((name) => usable.has(name))) throw noHandler(warnings);
  const handled = EVENT_EXPORTS.filter(({ name }) => usable.has(name));
  return {
    abiName: "json",
    isStateful: false,
    handles: new Set(handled.map(({ kind }) => kind)),
    takesConfiguration: usable.has(CONFIGURE_HANDLER),
    warnings,
    instantiate: (host) => makeGuest(loaded, usable, handled, host, options, verdicts),
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
  const [request, response] = HEADER_HANDLERS;
  return first === undefined
    ? new ModuleError(
        "module-missing-export",
        `the module exports neither \`${request}\` nor \`${response}\`; at least one of type ${OPTIONAL_FUNCTIONS.get(request!)} is needed`,
      )
    : new ModuleError("module-wrong-signature", `the module has no handler that can be called: ${first}`);
}

function describeType(type: ExportType): string {
  return type.kind === "function" ? type.signature : `a ${type.kind}`;
}

function makeGuest(
  loaded: LoadedModule,
  usable: ReadonlySet<string>,
  handled: readonly EventExport[],
  host: GuestHost,
  options: AbiOptions,
  verdicts: VerdictCache,
): JsonGuest {
  const started = startInstance(loaded, host, JSON_IMPORTS);
  const exports = started.exports;
  const handlers: Partial<Record<EventKind, Handler>> = {};
  for (const event of handled) handlers[event.kind] = handlerOf(loaded, exports, event);
  return new JsonGuest({
    started,
    exports: {
      memory: new GuestMemory(exports["memory"] as WebAssembly.Memory),
      alloc: exports["alloc"] as (size: number) => number,
      dealloc: exports["dealloc"] as (pointer: number, size: number) => void,
      handlers,
      onConfigure: usable.has(CONFIGURE_HANDLER)
        ? (exports[CONFIGURE_HANDLER] as (pointer: number, length: number) => number)
        : null,
      onDeallocFailure: (failure) => reportOnce(host, "dealloc", failure),
    },
    form: {
      canonicalHeaderCase: options.canonicalHeaderCase,
      abiFlags: usable.has(ABI_FLAGS) ? readAbiFlags(started, host) : 0,
    },
    verdicts,
    // Half of the cap is left for the one call that needs much.
    recycleGcBytes: (loaded.limits?.maxMemoryBytes ?? Number.POSITIVE_INFINITY) / 2,
  });
}

function handlerOf(
  loaded: LoadedModule,
  exports: InstanceExports,
  { name, signature, takesBytes }: EventExport,
): Handler {
  if (signature === SILENT_HANDLER) {
    return silentHandler(name, exports[name] as (pointer: number, length: number) => void);
  }
  const split = loaded.limited?.splitExports.get(name);
  const low = loaded.limited?.splitLowExport;
  return split !== undefined && typeof low === "string"
    ? splitHandler(
        name,
        takesBytes,
        exports[split] as (...values: number[]) => number,
        exports[low] as () => number,
      )
    : bigIntHandler(name, takesBytes, exports[name] as (...values: number[]) => bigint);
}

/** Called once an instance; a guest without that export gets the documented keys only. */
function readAbiFlags(started: StartedInstance, host: GuestHost): number {
  return callAtStart(started, ABI_FLAGS, host.startTimeoutMs) as number;
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
