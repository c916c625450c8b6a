/**
 * A guest to ask without a socket: the module is loaded, limited and started as the agent does it, and asked through
 * the JSON ABI.
 */

import type { StatelessGuest } from "../../src/abi/contract.ts";
import { jsonAbi } from "../../src/abi/json/json-abi.ts";
import type { ProxyEvent } from "../../src/event/event.ts";
import type { Verdict } from "../../src/event/verdict.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { loadModule } from "../../src/wasm/load-module.ts";
import { silentLog } from "./silent-log.ts";

export interface OpenGuestOptions {
  readonly limits?: boolean;
  readonly timeoutMs?: number;
  readonly maxMemoryBytes?: number;
  readonly canonicalHeaderCase?: boolean;
  readonly log?: Log;
}

export interface OpenGuest {
  readonly instance: StatelessGuest;
  call(event: ProxyEvent): Verdict;
}

const FUEL_PER_SLICE = 100_000;

/** `module` is a path or the bytes themselves. */
export async function openGuest(
  module: string | Uint8Array<ArrayBuffer>,
  options: OpenGuestOptions = {},
): Promise<OpenGuest> {
  const bytes = typeof module === "string" ? await Bun.file(module).bytes() : module;
  const limits = {
    maxMemoryBytes: options.maxMemoryBytes ?? 64 * 1024 * 1024,
    maxTableEntries: 1_000_000,
    fuelPerSlice: FUEL_PER_SLICE,
  };
  const loaded = await loadModule(bytes, options.limits === false ? null : limits);
  const factory = jsonAbi.prepare(loaded, {
    abi: "json",
    canonicalHeaderCase: options.canonicalHeaderCase ?? false,
  });
  if (factory.isStateful) throw new Error("the JSON ABI is stateless");
  const instance = factory.instantiate({
    slot: 0,
    log: options.log ?? silentLog(),
    startTimeoutMs: 5000,
    isMuted: false,
    lineRate: new LineRate(),
    reportedFunctions: new Set(),
  });
  return { instance, call: (event) => instance.call(event, options.timeoutMs ?? 1000) };
}
