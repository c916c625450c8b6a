/**
 * From bytes to a compiled module: identified, limited (docs/design.md 4.1), compiled, described. Done once per module,
 * long before any request; instances are made from the result elsewhere.
 */

import { type ExportType, readExportTypes } from "./export-types.ts";
import { limitModule } from "./metering/limit-module.ts";
import type { LimitedModule, LimitOptions } from "./metering/limited-module.ts";
import { ModuleError } from "./module-error.ts";

export interface LoadedModule {
  readonly module: WebAssembly.Module;
  /** Of the bytes as they were read, before the rewrite; lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Null when the module runs without limits. */
  readonly limited: LimitedModule | null;
  readonly limits: LimitOptions | null;
  /** The guest's own exports by name, as its author declared them. */
  readonly exportTypes: ReadonlyMap<string, ExportType>;
  readonly imports: readonly WebAssembly.ModuleImportDescriptor[];
}

/** @throws ModuleError for bytes that are no module, or one that the limits or the engine refuse. */
export async function loadModule(
  bytes: Uint8Array<ArrayBuffer>,
  limits: LimitOptions | null,
): Promise<LoadedModule> {
  assertBinaryModule(bytes);
  const exportTypes = readExportTypes(bytes);
  const limited = limits === null ? null : limitModule(bytes, limits);
  const module = await compile(limited === null ? bytes : limited.bytes);
  return {
    module,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    sizeBytes: bytes.length,
    limited,
    limits,
    exportTypes,
    imports: WebAssembly.Module.imports(module),
  };
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

const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const CORE_VERSION = [0x01, 0x00, 0x00, 0x00];
const COMPONENT_LAYER = 0x01;

function assertBinaryModule(bytes: Uint8Array): void {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new ModuleError(
      "module-not-wasm",
      "the file is not a WebAssembly binary (it does not start with \\0asm); build the module to .wasm first",
    );
  }
  if (bytes[6] === COMPONENT_LAYER) {
    throw new ModuleError(
      "module-not-wasm",
      "the file is a WebAssembly component; this agent runs core modules, so build for wasm32-unknown-unknown or wasm32-wasip1",
    );
  }
  if (!CORE_VERSION.every((byte, i) => bytes[MAGIC.length + i] === byte)) {
    throw new ModuleError("module-not-wasm", "the file is not version 1 of the WebAssembly binary format");
  }
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
