/**
 * A live instance from a loaded module: imports linked, start section and start exports run, under the start deadline.
 * What the instance is asked afterwards is an ABI's business.
 */

import { Deadline } from "./deadline.ts";
import { GuestFuel, type TakeFuel } from "./guest-fuel.ts";
import type { GuestHost } from "./guest-host.ts";
import type { AbiImports } from "./imports/abi-imports.ts";
import { GuestOutput } from "./imports/guest-output.ts";
import { createHostImports, type ExtraImport } from "./imports/host-imports.ts";
import { createHostMemories } from "./imports/host-memories.ts";
import { ImportHost, type InstanceExports } from "./imports/import-host.ts";
import type { LoadedModule } from "./load-module.ts";
import { ModuleError } from "./module-error.ts";
import { assertEndedWell, assertInTime } from "./call-end.ts";
import { toEventFailure } from "./trap.ts";

/** A guest's exports, and what the host needs beside them. */
export interface StartedInstance {
  readonly exports: InstanceExports;
  /** The export `memory`, or else the first memory that the host made for the instance; null without either. */
  readonly memory: WebAssembly.Memory | null;
  readonly deadline: Deadline;
  readonly imports: ImportHost;
  readonly fuel: GuestFuel;
  /** Bytes of garbage-collected objects the guest has made in its life; 0 for guests that make none. */
  readGcBytes(): number;
}

const INITIALIZE: readonly string[] = ["_initialize"];
const START_SECTION = "the start section";
const INSTANTIATION = "the making of its instance";
/** The engine's word for a memory or table it cannot get. */
const OUT_OF_MEMORY = /out of memory/i;

/**
 * @param starts exports that are called behind the start section, as far as the guest has them
 * @throws ModuleError when linking fails, or the start traps or takes too long.
 */
export function startInstance(
  loaded: LoadedModule,
  host: GuestHost,
  abiImports: AbiImports,
  starts: readonly string[] = INITIALIZE,
): StartedInstance {
  const fuelPerSlice = loaded.limits?.fuelPerSlice ?? Number.POSITIVE_INFINITY;
  const deadline = new Deadline(fuelPerSlice);
  const output = new GuestOutput({
    log: host.log,
    slot: host.slot,
    isMuted: host.isMuted,
    rate: host.lineRate,
  });
  const imports = new ImportHost({
    output,
    log: host.log,
    slot: host.slot,
    reported: host.reportedFunctions,
    ...(host.onRefusal === undefined ? {} : { onRefusal: host.onRefusal }),
  });
  deadline.arm(host.startTimeoutMs);
  const { exports, memory } = instantiate(loaded, imports, abiImports, deadline);
  imports.exports = exports;
  if (memory !== null) imports.memory.attach(memory);
  const takeFuel = findTakeFuel(loaded, exports);
  // Work that imports do for the guest is taken off its fuel, so that a loop of expensive imports ends in time, too.
  imports.onWork = takeFuel;
  const started: StartedInstance = {
    exports,
    memory,
    deadline,
    imports,
    readGcBytes: findGcBytes(loaded, exports),
    fuel: new GuestFuel(takeFuel, fuelPerSlice, deadline),
  };
  if (loaded.startExport !== null) runStart(started, exports[loaded.startExport], START_SECTION);
  for (const name of starts) runStart(started, exports[name], name);
  output.flush();
  return started;
}

/**
 * Calls an export that an ABI wants to be called before the instance serves, with a deadline of its own, and returns its
 * result; undefined for a guest without it.
 *
 * @throws ModuleError when it fails, as a start does
 */
export function callAtStart(started: StartedInstance, name: string, timeoutMs: number): unknown {
  started.deadline.arm(timeoutMs);
  started.fuel.fill();
  return runStart(started, started.exports[name], name);
}

function instantiate(
  loaded: LoadedModule,
  imports: ImportHost,
  abiImports: AbiImports,
  deadline: Deadline,
): Pick<StartedInstance, "exports" | "memory"> {
  try {
    const memories = createHostMemories(loaded.importedMemories, abiImports);
    const extra = [...limitImports(loaded, deadline), ...memories];
    const linked = createHostImports(loaded.imports, imports, abiImports, extra);
    // No code of the guest runs here, since the start section has become an export.
    const exports = new WebAssembly.Instance(loaded.module, linked).exports as InstanceExports;
    const exported = exports["memory"];
    return {
      exports,
      memory: exported instanceof WebAssembly.Memory ? exported : (memories[0]?.value ?? null),
    };
  } catch (thrown) {
    if (thrown instanceof ModuleError) throw thrown;
    throw startError(thrown, imports, deadline, INSTANTIATION);
  }
}

/** `call`: what is called, in words for a report. */
function runStart(started: StartedInstance, start: unknown, call: string): unknown {
  if (typeof start !== "function") return undefined;
  try {
    const result: unknown = start();
    assertEndedWell(started, call);
    assertInTime(started, call);
    return result;
  } catch (thrown) {
    throw startError(thrown, started.imports, started.deadline, call);
  }
}

function limitImports(loaded: LoadedModule, deadline: Deadline): readonly ExtraImport[] {
  return loaded.limited === null ? [] : [{ ...loaded.limited.sliceEndImport, value: deadline.check }];
}

function findGcBytes({ limited }: LoadedModule, exports: InstanceExports): () => number {
  const name = limited?.gcBytesExport;
  if (typeof name !== "string") return () => 0;
  const account = exports[name] as WebAssembly.Global<"i32">;
  return () => account.value >>> 0;
}

function findTakeFuel({ limited }: LoadedModule, exports: InstanceExports): TakeFuel | null {
  return limited === null ? null : (exports[limited.fuelExport] as TakeFuel);
}

/** In words of a start, for whatever is called before an instance serves. */
function startError(thrown: unknown, imports: ImportHost, deadline: Deadline, call: string): ModuleError {
  // An unfinished last line often is the reason.
  imports.output.flush();
  if (thrown instanceof WebAssembly.LinkError) {
    return new ModuleError("module-missing-import", `the module cannot be linked: ${thrown.message}`, {
      cause: thrown,
    });
  }
  if (thrown instanceof RangeError && OUT_OF_MEMORY.test(thrown.message)) {
    return new ModuleError(
      "module-start-failed",
      "there is no memory for another instance of the module; lower --pool-size, or let the agent use more",
      { cause: thrown },
    );
  }
  const failure = toEventFailure(thrown, imports.fatal, deadline, call);
  return failure.code === "guest-deadline"
    ? new ModuleError(
        "module-start-deadline",
        `the module did not finish ${call} within ${deadline.timeoutMs} ms; do slow work later or raise --start-timeout-ms`,
        { cause: failure },
      )
    : new ModuleError("module-start-failed", `the module failed in ${call}: ${failure.message}`, {
        cause: failure,
      });
}
