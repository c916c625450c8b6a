/** The two ways these tests make a module ready to link: as it is, and rewritten by `limitModule`. */

import { limitModule } from "../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../src/wasm/binary/module-outline.ts";
import type { LimitedModule, LimitOptions } from "../../src/wasm/metering/limited-module.ts";

export interface BuiltModule {
  readonly module: WebAssembly.Module;
  /** What to link besides the imports that the module itself asks for. */
  readonly addedImports: Bun.WebAssembly.Imports;
  /** Exports that the guest does not have by itself. */
  readonly addedExports: ReadonlySet<string>;
  readonly limited: LimitedModule | null;
  /** Whether to call exports by their split forms, where they have one. */
  readonly callsSplitExports?: boolean;
}

/** Throws ModuleError or WebAssembly.CompileError. */
export type ModuleBuilder = (bytes: Uint8Array<ArrayBuffer>) => BuiltModule;

/** Caps above everything that the modules of these tests use, so that only a wrong rewrite shows. */
export const wideCaps = { maxMemoryBytes: 2 ** 32, maxTableEntries: 10_000_000 } as const;

export const buildPlain: ModuleBuilder = (bytes) => ({
  module: new WebAssembly.Module(bytes),
  addedImports: {},
  addedExports: new Set(),
  limited: null,
});

/** `sliceEnd` is asked when a slice is used up: 0 grants another one, as long as the first. */
export function limitedBuilder(options: LimitOptions, sliceEnd: () => number): ModuleBuilder {
  return (bytes) => {
    const limited = limitModule(readOutline(bytes), options);
    const { module, name } = limited.sliceEndImport;
    return {
      module: new WebAssembly.Module(limited.bytes),
      addedImports: { [module]: { [name]: () => (sliceEnd() === 0 ? options.fuelPerSlice : 0) } },
      addedExports: new Set([
        limited.fuelExport,
        ...[limited.gcBytesExport, limited.splitLowExport, limited.startExport].filter((one) => one !== null),
        ...limited.splitExports.values(),
      ]),
      limited,
    };
  };
}

/** An instance whose start section has run. */
export function startedInstance(
  { module, addedImports, limited }: BuiltModule,
  imports: Bun.WebAssembly.Imports,
): WebAssembly.Instance {
  const instance = new WebAssembly.Instance(module, mergeImports(imports, addedImports));
  const startExport = limited?.startExport ?? null;
  if (startExport !== null) (instance.exports[startExport] as () => void)();
  return instance;
}

/** The added imports may share a module name with the guest's own. */
export function mergeImports(...all: readonly Bun.WebAssembly.Imports[]): Bun.WebAssembly.Imports {
  const merged: Bun.WebAssembly.Imports = Object.create(null);
  for (const imports of all) {
    for (const [module, fields] of Object.entries(imports)) {
      merged[module] = Object.assign({}, merged[module], fields);
    }
  }
  return merged;
}
