/**
 * Builds limits into a module: fuel, caps on memory and tables, charges by length, an account of garbage-collected
 * bytes, and exports that split an i64 result. RATIONALE.md, "Why limits are compiled into the module", has the
 * alternatives. Types are left to the engine: a module it refuses is still refused after the rewrite.
 */

import { ModuleError } from "../module-error.ts";
import { AddedDefinitions } from "./added-definitions.ts";
import { branchHintSection } from "./branch-hints.ts";
import { ByteWriter } from "./byte-writer.ts";
import { copyEntrySections } from "./entry-sections.ts";
import { addHostExports } from "./host-exports.ts";
import { functionType } from "./instruction-bytes.ts";
import { LimitHelpers } from "./limit-helpers.ts";
import type { LimitedModule, LimitOptions } from "./limited-module.ts";
import { assembleModule } from "./module-assembly.ts";
import { readOutline, sectionId } from "./module-outline.ts";
import { FunctionNames, moveNames } from "./name-section.ts";
import { typeCode } from "./opcode.ts";
import { ScannedCode } from "./scanned-code.ts";
import { writeExports, writeFunctions, writeGlobals, writeImports, writeTypes } from "./section-rewriter.ts";
import { unlike } from "./unlike-name.ts";

const importModule = "sentinel:limit";
const importName = "slice-end";

const most = { memoryBytes: 2 ** 32, tableEntries: 10_000_000, fuel: 2 ** 31 - 1 };

/**
 * Rewrites a module so that it cannot outrun its limits. Runs none of it, takes time in proportion to its size and
 * only reads the given bytes. Throws `ModuleError` with the codes module-not-wasm, module-invalid,
 * module-unsupported-instruction, module-too-large and module-memory-too-large.
 */
export function limitModule(bytes: Uint8Array, options: LimitOptions): LimitedModule {
  try {
    return rewrite(bytes, options);
  } catch (error) {
    if (error instanceof RangeError) throw outOfMemory(bytes, error);
    throw error;
  }
}

function rewrite(bytes: Uint8Array, options: LimitOptions): LimitedModule {
  const limits = withinEngineLimits(options);
  const outline = readOutline(bytes);
  const added = new AddedDefinitions(outline);
  const sliceEndType = added.addType(functionType([], [typeCode.i32]));
  const entries = copyEntrySections(outline, added, limits);
  const helpers = new LimitHelpers(added, limits, {
    memories: outline.importedMemories + outline.definedMemories,
    tables: entries.tableTypes.length,
    moduleBytes: bytes.length,
    initialObjectBytes: entries.objectBytes,
  });
  const code = new ScannedCode({ outline, added, helpers, ...entries });
  const hostExports = addHostExports(outline, added, helpers);

  const written = code.write(added, helpers);
  const sliceEndImport = { module: unlike(importModule, outline.importNames), name: importName };
  const { contents } = entries;
  const globals = contents.get(sectionId.global) ?? new ByteWriter(0);
  contents.set(sectionId.type, writeTypes(outline, added));
  contents.set(sectionId.import, writeImports(outline, sliceEndImport, sliceEndType));
  contents.set(sectionId.function, writeFunctions(outline, added));
  contents.set(sectionId.global, writeGlobals(outline, added, globals));
  contents.set(sectionId.export, writeExports(outline, added));
  contents.set(sectionId.code, written.code);

  const hints = written.hints === null ? null : withName(branchHintSection, written.hints);
  const names = new FunctionNames(outline);
  return {
    bytes: assembleModule(outline, { contents, hints, names: moveNames(outline, added) }),
    sliceEndImport,
    ...hostExports,
    functionName: (index) => {
      const guestIndex = added.guestFunction(index);
      return guestIndex === null ? undefined : names.find(guestIndex);
    },
  };
}

function withinEngineLimits(options: LimitOptions): LimitOptions {
  return {
    maxMemoryBytes: Math.min(options.maxMemoryBytes, most.memoryBytes),
    maxTableEntries: Math.min(options.maxTableEntries, most.tableEntries),
    fuelPerSlice: Math.max(1, Math.min(options.fuelPerSlice, most.fuel)),
  };
}

/** The runtime refused a buffer: what the module needs is in proportion to its size. */
function outOfMemory(bytes: Uint8Array, cause: RangeError): ModuleError {
  return new ModuleError(
    "module-too-large",
    `There is not enough memory to build limits into a module of ${bytes.length} bytes. Use a smaller module.`,
    { cause },
  );
}

function withName(name: string, content: ByteWriter): ByteWriter {
  const section = new ByteWriter(content.length + name.length + 8);
  section.name(name);
  section.bytes(content.view);
  return section;
}
