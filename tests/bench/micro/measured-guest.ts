/**
 * A live guest for measurements inside a process, loaded as the agent loads it, and the bare calls into it.
 */

import { prepareStateless } from "../../support/prepare-stateless.ts";
import type { StatelessGuest } from "../../../src/abi/contract.ts";
import { JSON_IMPORTS } from "../../../src/abi/json/json-imports.ts";
import type { Log } from "../../../src/telemetry/log.ts";
import type { GuestHost } from "../../../src/wasm/guest-host.ts";
import { LineRate } from "../../../src/wasm/imports/line-rate.ts";
import { type LoadedModule, readModuleFile } from "../../../src/wasm/load-module.ts";
import { startInstance } from "../../../src/wasm/start-instance.ts";
import { SAMPLE_GUEST_INPUT } from "./samples.ts";

const TIMEOUT_MS = 1000;
const LIMITS = {
  maxMemoryBytes: 64 * 1024 * 1024,
  maxTableEntries: 1_000_000,
  fuelPerSlice: 100_000,
};

const SILENT_LOG: Log = {
  debugEnabled: false,
  error() {},
  warn() {},
  info() {},
  debug() {},
};

function host(): GuestHost {
  return {
    slot: 0,
    log: SILENT_LOG,
    startTimeoutMs: TIMEOUT_MS,
    isMuted: true,
    lineRate: new LineRate(),
    reportedFunctions: new Set(),
  };
}

/** The bare calls of one event: alloc, copy in, handler, both deallocs; as a function to be timed. */
function bareCalls(loaded: LoadedModule): () => void {
  const { exports, deadline } = startInstance(loaded, host(), JSON_IMPORTS);
  const memory = exports["memory"] as WebAssembly.Memory;
  const alloc = exports["alloc"] as (size: number) => number;
  const dealloc = exports["dealloc"] as (pointer: number, size: number) => void;
  const input = SAMPLE_GUEST_INPUT;
  const call = handler(loaded, exports);
  return () => {
    deadline.arm(TIMEOUT_MS);
    const pointer = alloc(input.length);
    new Uint8Array(memory.buffer, pointer, input.length).set(input);
    call(pointer, input.length, dealloc);
    dealloc(pointer, input.length);
  };
}

type Free = (pointer: number, size: number) => void;

/** The handler as the agent would call it: without BigInt where the limits made one. */
function handler(
  loaded: LoadedModule,
  exports: Readonly<Record<string, unknown>>,
): (pointer: number, length: number, free: Free) => void {
  const name = "on_request_headers";
  const split = loaded.limited?.splitExports.get(name);
  if (loaded.limited === null || split === undefined) {
    const packed = exports[name] as (pointer: number, length: number) => bigint;
    return (pointer, length, free) => {
      const result = packed(pointer, length);
      free(Number(BigInt.asIntN(32, result >> 32n)), Number(BigInt.asIntN(32, result)));
    };
  }
  const high = exports[split] as (pointer: number, length: number) => number;
  const low = exports[loaded.limited.splitLowExport ?? ""] as () => number;
  return (pointer, length, free) => {
    const result = high(pointer, length);
    free(result, low());
  };
}

export interface MeasuredGuest {
  readonly instance: StatelessGuest;
  readonly bareCalls: () => void;
}

export async function measuredGuest(
  modulePath: string,
  { limits = true }: { readonly limits?: boolean } = {},
): Promise<MeasuredGuest> {
  const { module, factory } = await prepareStateless({
    moduleBytes: await readModuleFile(modulePath),
    limits: limits ? LIMITS : null,
    abi: { abi: "json", canonicalHeaderCase: false },
  });
  return { instance: factory.instantiate(host()), bareCalls: bareCalls(module) };
}
