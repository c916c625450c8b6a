/**
 * From bytes to a compiled module: identified, limited (docs/design.md 4.1), compiled, described. Done once per module,
 * long before any request; instances are made from the result elsewhere.
 */

import { type ExportType, exportTypesOf } from "./binary/export-types.ts";
import { type ModuleOutline, readOutline } from "./binary/module-outline.ts";
import { type ImportedMemory, importedMemory } from "./imported-memory.ts";
import { limitModule } from "./metering/limit-module.ts";
import type { LimitedModule, LimitOptions } from "./metering/limited-module.ts";
import { exportStart } from "./metering/start-export.ts";
import { ModuleError } from "./module-error.ts";

export interface LoadedModule {
  readonly module: WebAssembly.Module;
  /** Of the bytes as they were read, before the rewrite; lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Null when the module runs without limits. */
  readonly limited: LimitedModule | null;
  readonly limits: LimitOptions | null;
  /** What the guest's start section named, an export () -> () to be called once for each instance; null for none. */
  readonly startExport: string | null;
  /** The guest's own exports by name, as its author declared them. */
  readonly exportTypes: ReadonlyMap<string, ExportType>;
  readonly imports: readonly WebAssembly.ModuleImportDescriptor[];
  /** What the host makes for each instance, in the order of the module's imports. */
  readonly importedMemories: readonly ImportedMemory[];
}

/** @throws ModuleError for bytes that are no module, or one that the limits or the engine refuse. */
export async function loadModule(
  bytes: Uint8Array<ArrayBuffer>,
  limits: LimitOptions | null,
): Promise<LoadedModule> {
  const { outline, limited, startExport, importedMemories, runnable } = rewritten(bytes, limits);
  const module = await compile(runnable);
  return {
    module,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    sizeBytes: bytes.length,
    limited,
    limits,
    startExport,
    exportTypes: exportTypesOf(outline),
    imports: WebAssembly.Module.imports(module),
    importedMemories,
  };
}

interface Rewritten extends Pick<LoadedModule, "limited" | "startExport" | "importedMemories"> {
  readonly outline: ModuleOutline;
  readonly runnable: Uint8Array<ArrayBuffer>;
}

function rewritten(bytes: Uint8Array<ArrayBuffer>, limits: LimitOptions | null): Rewritten {
  try {
    const outline = readOutline(bytes);
    if (limits === null) {
      const started = exportStart(outline);
      return {
        outline,
        limited: null,
        startExport: started?.startExport ?? null,
        importedMemories: outline.memoryImports.map((memory) => importedMemory(memory, memory.limits.max)),
        runnable: started?.bytes ?? bytes,
      };
    }
    const limited = limitModule(outline, limits);
    const { startExport, importedMemories } = limited;
    return { outline, limited, startExport, importedMemories, runnable: limited.bytes };
  } catch (error) {
    if (error instanceof RangeError) throw outOfMemory(bytes, error);
    throw error;
  }
}

/** The runtime refused a buffer: what the rewrite needs is in proportion to the module's size. */
function outOfMemory(bytes: Uint8Array, cause: RangeError): ModuleError {
  return new ModuleError(
    "module-too-large",
    `there is not enough memory to load a module of ${bytes.length} bytes; use a smaller module`,
    { cause },
  );
}

/** @throws ModuleError `module-unreadable`, with the reason in words. */
export async function readModuleFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = Bun.file(path);
    const stat = await file.stat();
    if (!stat.isFile() && !stat.isDirectory()) throw notAFile(path);
    return await file.bytes();
  } catch (cause) {
    if (cause instanceof ModuleError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const reason =
      code === "ENOENT"
        ? "there is no such file; check the path"
        : code === "EACCES"
          ? "permission denied; let this user read it"
          : code === "EISDIR"
            ? "it is a folder; give the .wasm file in it"
            : (cause as Error).message;
    throw new ModuleError("module-unreadable", `cannot read the module ${path}: ${reason}`, { cause });
  }
}

/** A pipe or a device may never end, and a reload would wait for it for good. */
function notAFile(path: string): ModuleError {
  return new ModuleError(
    "module-unreadable",
    `cannot read the module ${path}: it is not a regular file; give the .wasm file`,
  );
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new ModuleError("module-invalid", `the module does not compile: ${(cause as Error).message}`, {
      cause,
    });
  }
}
