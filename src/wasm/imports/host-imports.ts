/**
 * Links a module's imports: everything toolchains emit is given, and nothing of it reaches files,
 * network or environment (RATIONALE.md, "Why imports load but are denied"). What is unknown is an error before any request.
 */

import { assemblyScriptFunctions } from "./assemblyscript/assemblyscript-functions.ts";
import { MATH_CONSTANTS } from "./assemblyscript/math.ts";
import type { ImportFunctions } from "./import-functions.ts";
import type { ImportHost } from "./import-host.ts";
import { missingImport } from "./missing-import.ts";
import { unknownWasiFunction } from "./wasi/unknown.ts";
import { isWasiModule, wasiFunctions } from "./wasi/wasi-functions.ts";

/** An import that does not come from this room, such as the clock check of the limits. */
export interface ExtraImport {
  readonly module: string;
  readonly name: string;
  readonly value: Bun.WebAssembly.ImportValue;
}

type MutableImports = Record<string, Record<string, Bun.WebAssembly.ImportValue>>;

/**
 * @param descriptors what `WebAssembly.Module.imports` says
 * @param host of the one instance these imports are for; its memory is attached after instantiation
 * @param extra wins over everything provided here
 * @returns exactly the imports the descriptors name
 * @throws ModuleError `module-missing-import`, naming every import that cannot be given
 */
export function createHostImports(
  descriptors: readonly WebAssembly.ModuleImportDescriptor[],
  host: ImportHost,
  extra: readonly ExtraImport[] = [],
): Bun.WebAssembly.Imports {
  // Names are the module's choice, so no object here may have inherited properties ("__proto__" is a fine name).
  const imports: MutableImports = Object.create(null);
  const made = new Map<string, ImportFunctions>();
  const missing: WebAssembly.ModuleImportDescriptor[] = [];
  for (const descriptor of descriptors) {
    const { module, name } = descriptor;
    const value = findExtra(descriptor, extra) ?? findProvided(descriptor, host, made);
    if (value === undefined) {
      missing.push(descriptor);
      continue;
    }
    imports[module] ??= Object.create(null) as Record<string, Bun.WebAssembly.ImportValue>;
    imports[module][name] = value;
  }
  if (missing.length > 0) throw missingImport(missing);
  return imports;
}

function findExtra(
  { module, name, kind }: WebAssembly.ModuleImportDescriptor,
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

function findProvided(
  { module, name, kind }: WebAssembly.ModuleImportDescriptor,
  host: ImportHost,
  made: Map<string, ImportFunctions>,
): Bun.WebAssembly.ImportValue | undefined {
  if (kind === "global") return module === "env" ? MATH_CONSTANTS.get(name) : undefined;
  if (kind !== "function") return undefined;
  let functions = made.get(module);
  if (functions === undefined) {
    functions = functionsOf(module, host);
    made.set(module, functions);
  }
  if (Object.hasOwn(functions, name)) return functions[name];
  return isWasiModule(module) ? unknownWasiFunction(host, module, name) : undefined;
}

function functionsOf(module: string, host: ImportHost): ImportFunctions {
  if (isWasiModule(module)) return wasiFunctions(host, module);
  return module === "env" ? assemblyScriptFunctions(host) : {};
}
