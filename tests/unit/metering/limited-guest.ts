/** Text or bytes of a module, limited and running: what the tests of the rewrite have in common. */

import initWabt from "wabt";
import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import type { LimitedModule, LimitOptions } from "../../../src/wasm/metering/limited-module.ts";

const wabt = await initWabt();

const features = {
  annotations: true,
  bulk_memory: true,
  code_metadata: true,
  exceptions: true,
  function_references: true,
  multi_memory: true,
  mutable_globals: true,
  reference_types: true,
  simd: true,
  tail_call: true,
  threads: true,
};

/** Compiles the text format, with names. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat("test.wat", text, features);
  const { buffer } = module.toBinary({ write_debug_names: true });
  module.destroy();
  return new Uint8Array(buffer);
}

export const usualLimits: LimitOptions = {
  maxMemoryBytes: 64 * 2 ** 20,
  maxTableEntries: 1000,
  fuelPerSlice: 10_000,
};

/** What an exported function looks like from here. */
export type GuestFunction = (...values: (number | bigint | null)[]) => number | bigint | undefined;

export interface LimitedGuest {
  readonly limited: LimitedModule;
  readonly exports: Record<string, Bun.WebAssembly.ExportValue>;
  /** Calls an export. */
  call(name: string, ...values: (number | bigint | null)[]): number | bigint | undefined;
}

export interface GuestSettings extends Partial<LimitOptions> {
  /** 0 grants another slice, as long as the first one. */
  readonly sliceEnd?: () => number;
  readonly imports?: Bun.WebAssembly.Imports;
}

export function limitGuest(source: string | Uint8Array, settings: GuestSettings = {}): LimitedGuest {
  const { sliceEnd = () => 0, imports = {}, ...options } = settings;
  const bytes = typeof source === "string" ? assemble(source) : source;
  const limits = { ...usualLimits, ...options };
  const limited = limitModule(readOutline(bytes), limits);
  const nextSlice = (): number => (sliceEnd() === 0 ? limits.fuelPerSlice : 0);
  const { module, name } = limited.sliceEndImport;
  const all = { ...imports, [module]: { ...imports[module], [name]: nextSlice } };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(limited.bytes), all);
  if (limited.startExport !== null) (exports[limited.startExport] as () => void)();
  const table: Record<string, Bun.WebAssembly.ExportValue> = { ...exports };
  return {
    limited,
    exports: table,
    call: (name, ...values) => (table[name] as unknown as GuestFunction)(...values),
  };
}

/** Grants so many slices, then none; counts how often it was asked. */
export class SliceMeter {
  asked = 0;
  readonly #granted: number;

  constructor(granted: number) {
    this.#granted = granted;
  }

  readonly sliceEnd = (): number => (++this.asked > this.#granted ? 1 : 0);
}

/** The error that the work throws; fails when it throws none. */
export function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
