/**
 * Links a module's imports: WASI, which toolchains put into modules by themselves and which reaches no files, no network
 * and no environment (RATIONALE.md, "Why imports load but are denied"), and what the module's ABI gives. Anything else
 * is an error before any request.
 */

import type { AbiImports } from "./abi-imports.ts";
import type { ImportFunctions } from "./import-functions.ts";
import type { ImportHost } from "./import-host.ts";
import { missingImport } from "./missing-import.ts";
import { unknownWasiFunction } from "./wasi/unknown.ts";
import { isWasiModule, wasiFunctions } from "./wasi/wasi-functions.ts";

/** An import that neither WASI nor the ABI gives, such as the clock check of the limits. */
export interface ExtraImport {
  readonly module: string;
  readonly name: string;
  readonly value: Bun.WebAssembly.ImportValue;
}

type Descriptor = WebAssembly.ModuleImportDescriptor;
type MutableImports = Record<string, Record<string, Bun.WebAssembly.ImportValue>>;

/**
 * @param descriptors what `WebAssembly.Module.imports` says
 * @param host of the one instance these imports are for
 * @param extra wins over everything else
 * @returns exactly the imports the descriptors name
 * @throws ModuleError `module-missing-import`, naming every import that cannot be given
 */
export function createHostImports(
  descriptors: readonly Descriptor[],
  host: ImportHost,
  abi: AbiImports,
  extra: readonly ExtraImport[] = [],
): Bun.WebAssembly.Imports {
  // Names are the module's choice, so no object here may have inherited properties ("__proto__" is a fine name).
  const imports: MutableImports = Object.create(null);
  const provided = new ProvidedImports(host, abi);
  const missing: Descriptor[] = [];
  for (const descriptor of descriptors) {
    const { module, name } = descriptor;
    const value = findExtra(descriptor, extra) ?? provided.find(descriptor);
    if (value === undefined) {
      missing.push(descriptor);
      continue;
    }
    imports[module] ??= Object.create(null) as Record<string, Bun.WebAssembly.ImportValue>;
    imports[module][name] = value;
  }
  if (missing.length > 0) throw missingImport(missing, abi.summary);
  return imports;
}

function findExtra(
  { module, name, kind }: Descriptor,
  extra: readonly ExtraImport[],
): Bun.WebAssembly.ImportValue | undefined {
  const found = extra.find((candidate) => candidate.module === module && candidate.name === name);
  return found !== undefined && kindOf(found.value) === kind ? found.value : undefined;
}

function kindOf(value: Bun.WebAssembly.ImportValue): Bun.WebAssembly.ImportExportKind {
  if (typeof value === "function") return "function";
  if (value instanceof WebAssembly.Memory) return "memory";
  if (value instanceof WebAssembly.Table) return "table";
  return "global";
}

/** What WASI and the ABI give to one instance; functions are made when the first of their module is asked for. */
class ProvidedImports {
  readonly #host: ImportHost;
  readonly #abi: AbiImports;
  readonly #functions = new Map<string, readonly ImportFunctions[]>();

  constructor(host: ImportHost, abi: AbiImports) {
    this.#host = host;
    this.#abi = abi;
  }

  find({ module, name, kind }: Descriptor): Bun.WebAssembly.ImportValue | undefined {
    if (kind === "global") return this.#abi.globals?.(module)?.get(name);
    return kind === "function" ? this.#findFunction(module, name) : undefined;
  }

  #findFunction(module: string, name: string): Bun.WebAssembly.ImportValue | undefined {
    let families = this.#functions.get(module);
    if (families === undefined) {
      families = this.#make(module);
      this.#functions.set(module, families);
    }
    const family = families.find((functions) => Object.hasOwn(functions, name));
    if (family !== undefined) return family[name];
    return isWasiModule(module) ? unknownWasiFunction(this.#host, module, name) : undefined;
  }

  #make(module: string): readonly ImportFunctions[] {
    const own = this.#abi.functions(module, this.#host);
    return [
      ...(own === null ? [] : [own]),
      ...(isWasiModule(module) ? [wasiFunctions(this.#host, module)] : []),
    ];
  }
}
