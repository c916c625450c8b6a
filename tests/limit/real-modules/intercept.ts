/** Puts the rewrite between a script and the engine, so that packages load limited modules without knowing. */

import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import type { LimitedModule } from "../../../src/wasm/metering/limited-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import { wideCaps } from "../module-build.ts";

export interface InterceptedModule {
  readonly bytes: number;
  readonly limitedBytes: number;
  readonly limitMs: number;
  /** Time the engine took for the limited module. */
  readonly compileMs: number;
}

type ByteSource = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

type Source = ByteSource | WebAssembly.Module;

/** The slices of a module on trial are short enough to end often; each end is granted. */
const fuelPerSlice = 100_000;

const maxPages = 65_536;

/** Replaces the engine's entrances in this process for good; the list grows as modules are compiled. */
export function interceptWebAssembly(): InterceptedModule[] {
  const seen: InterceptedModule[] = [];
  const added = new WeakMap<WebAssembly.Module, LimitedModule>();
  const { Module, Instance, Memory } = WebAssembly;

  const limitedModule = (source: ByteSource): WebAssembly.Module => {
    const bytes = copied(source);
    const started = performance.now();
    const limited = limitModule(readOutline(bytes), { ...wideCaps, fuelPerSlice });
    const limitedAt = performance.now();
    const module = new Module(limited.bytes);
    seen.push({
      bytes: bytes.byteLength,
      limitedBytes: limited.bytes.byteLength,
      limitMs: limitedAt - started,
      compileMs: performance.now() - limitedAt,
    });
    added.set(module, limited);
    return module;
  };

  const instance = (module: WebAssembly.Module, imports?: Bun.WebAssembly.Imports): WebAssembly.Instance => {
    const limited = added.get(module);
    const made = new Instance(module, withSliceEnd(imports, limited?.sliceEndImport));
    const startExport = limited?.startExport ?? null;
    if (startExport !== null) (made.exports[startExport] as () => void)();
    return made;
  };

  const instantiate = async (source: Source, imports?: Bun.WebAssembly.Imports): Promise<unknown> => {
    if (source instanceof Module) {
      return instance(source, imports);
    }
    const module = limitedModule(source);
    return { module, instance: instance(module, imports) };
  };

  Object.assign(WebAssembly, {
    Module: new Proxy(Module, { construct: (_target, [source]: [ByteSource]) => limitedModule(source) }),
    Instance: new Proxy(Instance, {
      construct: (_target, [module, imports]: [WebAssembly.Module, Bun.WebAssembly.Imports?]) =>
        instance(module, imports),
    }),
    // A limited module takes no memory without a maximum.
    Memory: new Proxy(Memory, {
      construct: (_target, [descriptor]: [Bun.WebAssembly.MemoryDescriptor]) =>
        new Memory({ maximum: maxPages, ...descriptor }),
    }),
    compile: async (source: ByteSource) => limitedModule(source),
    compileStreaming: async (response: Response | Promise<Response>) =>
      limitedModule(await (await response).arrayBuffer()),
    instantiate,
    instantiateStreaming: async (response: Response | Promise<Response>, imports?: Bun.WebAssembly.Imports) =>
      await instantiate(await (await response).arrayBuffer(), imports),
  });
  return seen;
}

/** Inherits from the script's object, which may be a proxy that makes imports when they are asked for. */
function withSliceEnd(
  imports: Bun.WebAssembly.Imports | undefined,
  sliceEnd: LimitedModule["sliceEndImport"] | undefined,
): Bun.WebAssembly.Imports | undefined {
  if (sliceEnd === undefined) {
    return imports;
  }
  const { module, name } = sliceEnd;
  const fields = Object.assign(Object.create(imports?.[module] ?? null), { [name]: () => fuelPerSlice });
  return Object.assign(Object.create(imports ?? null), { [module]: fields });
}

function copied(source: ByteSource): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return new Uint8Array(view);
}
