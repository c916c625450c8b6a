/** A guest made from text or bytes and started as an ABI does it, with limits or without. */

import { JSON_IMPORTS } from "../../../src/abi/json/json-imports.ts";
import type { AbiImports } from "../../../src/wasm/imports/abi-imports.ts";
import { LineRate } from "../../../src/wasm/imports/line-rate.ts";
import { type LoadedModule, loadModule } from "../../../src/wasm/load-module.ts";
import { type StartedInstance, startInstance } from "../../../src/wasm/start-instance.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { assemble } from "../metering/limited-guest.ts";

export interface StartOptions {
  readonly limits?: boolean;
  readonly maxMemoryBytes?: number;
  readonly startTimeoutMs?: number;
  /** By default what guests of the JSON ABI get. */
  readonly abi?: AbiImports;
}

export interface StartedGuest {
  readonly loaded: LoadedModule;
  readonly started: StartedInstance;
  /** What the guest wrote, a line each. */
  readonly lines: readonly string[];
  call(name: string, ...parameters: number[]): unknown;
}

export async function loadGuest(
  source: string | Uint8Array<ArrayBuffer>,
  { limits = true, maxMemoryBytes = 64 * 1024 * 1024 }: StartOptions = {},
): Promise<LoadedModule> {
  const bytes = typeof source === "string" ? assemble(source) : source;
  const options = { maxMemoryBytes, maxTableEntries: 1000, fuelPerSlice: 100_000 };
  return loadModule(bytes, limits ? options : null);
}

export async function startGuest(
  source: string | Uint8Array<ArrayBuffer>,
  options: StartOptions = {},
): Promise<StartedGuest> {
  const loaded = await loadGuest(source, options);
  const log = new RecordedLog();
  const host = {
    slot: 0,
    log,
    startTimeoutMs: options.startTimeoutMs ?? 2000,
    isMuted: false,
    lineRate: new LineRate(),
    reportedFunctions: new Set<string>(),
  };
  const started = startInstance(loaded, host, options.abi ?? JSON_IMPORTS);
  return {
    loaded,
    started,
    get lines() {
      return log.lines.map(({ fields }) => String(fields["text"]));
    },
    call: (name, ...parameters) =>
      (started.exports[name] as (...parameters: number[]) => unknown)(...parameters),
  };
}
