/**
 * Builds limits into a module: fuel, caps on memory and tables, charges by length, an account of garbage-collected
 * bytes, and exports that split an i64 result. RATIONALE.md, "Why limits are compiled into the module", has the
 * alternatives. Types are left to the engine: a module it refuses is still refused after the rewrite.
 */

import { importedMemory } from "../imported-memory.ts";
import { AddedDefinitions } from "./added-definitions.ts";
import { branchHintSection } from "./branch-hints.ts";
import { ByteWriter } from "../binary/byte-writer.ts";
import { copyEntrySections } from "./entry-sections.ts";
import { addHostExports } from "./host-exports.ts";
import { functionType } from "../binary/instruction-bytes.ts";
import { LimitHelpers } from "./limit-helpers.ts";
import type { LimitedModule, LimitOptions } from "./limited-module.ts";
import { assembleModule, contentOf } from "./module-assembly.ts";
import { type ModuleOutline, type Section, sectionId } from "../binary/module-outline.ts";
import { FunctionNames, nameSection } from "../binary/function-names.ts";
import { moveNames } from "./name-section.ts";
import { typeCode } from "../binary/opcode.ts";
import { assertInstantiable } from "./function-complexity.ts";
import { ScannedCode } from "./scanned-code.ts";
import { writeExports, writeFunctions, writeGlobals, writeImports, writeTypes } from "./section-rewriter.ts";
import { unlike } from "./unlike-name.ts";

const importModule = "sentinel:limit";
const importName = "slice-end";

const most = { memoryBytes: 2 ** 32, tableEntries: 10_000_000, fuel: 2 ** 31 - 1 };

/**
 * Custom sections that speak of offsets in the code or are there for debuggers alone. They would lie about the
 * rewritten code, so they are left out.
 */
const droppedCustomSections =
  /^(\.debug_|reloc\.|metadata\.code\.)|^(linking|sourceMappingURL|external_debug_info)$/;

/**
 * Rewrites a module so that it cannot outrun its limits. Runs none of it, takes time in proportion to its size and
 * only reads the outline's bytes.
 *
 * @throws ModuleError with the codes module-invalid, module-unsupported-instruction, module-too-large, module-too-complex
 * and module-memory-too-large; RangeError when the runtime has no memory left for it
 */
export function limitModule(outline: ModuleOutline, options: LimitOptions): LimitedModule {
  const limits = withinEngineLimits(options);
  const added = new AddedDefinitions(outline, 1);
  const sliceEndType = added.addType(functionType([], [typeCode.i32]));
  const entries = copyEntrySections(outline, added, limits);
  const helpers = new LimitHelpers(added, limits, {
    memories: outline.importedMemories + outline.definedMemories,
    tables: entries.tableTypes.length,
    moduleBytes: outline.bytes.length,
    initialObjectBytes: entries.objectBytes,
  });
  assertInstantiable(outline.exports.length, countSet(entries.isReferenced));
  const code = new ScannedCode({ outline, added, helpers, ...entries });
  const hostExports = addHostExports(outline, added, helpers);

  const written = code.write(added, helpers);
  const sliceEndImport = { module: unlike(importModule, outline.importNames), name: importName };
  const { contents } = entries;
  const globals = contents.get(sectionId.global) ?? new ByteWriter(0);
  contents.set(sectionId.type, writeTypes(outline, added));
  contents.set(sectionId.import, writeImports(outline, entries.memoryCap, sliceEndImport, sliceEndType));
  contents.set(sectionId.function, writeFunctions(outline, added));
  contents.set(sectionId.global, writeGlobals(outline, added, globals));
  contents.set(sectionId.export, writeExports(outline, added));
  contents.set(sectionId.code, written.code);

  const hints = written.hints === null ? null : withName(branchHintSection, written.hints);
  const custom = (section: Section): Uint8Array | null => {
    if (section.name === nameSection) return moveNames(outline, section, added)?.view ?? null;
    return droppedCustomSections.test(section.name) ? null : contentOf(outline, section);
  };
  const names = new FunctionNames(outline);
  return {
    bytes: assembleModule(outline, { contents, hints, custom }),
    sliceEndImport,
    importedMemories: outline.memoryImports.map((memory) =>
      importedMemory(memory, entries.memoryCap.maxPages(memory.limits)),
    ),
    ...hostExports,
    compilerBytes: written.compilerBytes,
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

function countSet(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0);
}

function withName(name: string, content: ByteWriter): ByteWriter {
  const section = new ByteWriter(content.length + name.length + 8);
  section.name(name);
  section.bytes(content.view);
  return section;
}
