/**
 * Turns a module's start section into an export. The engine would run it while the instance is being made, before the
 * host holds the memory, so that no function of the host could read what the guest passes to it; an export is called when
 * all is there.
 * https://webassembly.github.io/spec/core/binary/modules.html#start-section
 */

import { AddedDefinitions } from "./added-definitions.ts";
import type { ByteWriter } from "../binary/byte-writer.ts";
import { call, functionBody, functionType } from "../binary/instruction-bytes.ts";
import { assembleModule, contentOf } from "./module-assembly.ts";
import { externalKind, type ModuleOutline, sectionId } from "../binary/module-outline.ts";
import { opcode } from "../binary/opcode.ts";
import { appendCode, writeExports, writeFunctions, writeTypes } from "./section-rewriter.ts";

/**
 * Returns the export's name, or null for a module without a start section.
 *
 * It is a function of its own. The start function itself, if exported, would count as declared for `ref.func`, and its
 * type would not be checked: an invalid module could become a valid one.
 */
export function addStartExport(outline: ModuleOutline, added: AddedDefinitions): string | null {
  const { startFunction, importedFunctions } = outline;
  if (startFunction === null) return null;
  const moved = added.movedFunction(startFunction);
  // A tail call leaves no frame of this function in reports of traps. One to the host may not be left behind.
  const body = startFunction < importedFunctions ? call(moved) : [opcode.returnCall, ...call(moved).slice(1)];
  const wrapper = added.addFunction(functionType([], []), functionBody(null, body));
  return added.addExport("sentinel:start", externalKind.func, wrapper);
}

export interface StartedByExport {
  /** The rewritten binary; a fresh buffer, owned by the caller. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly startExport: string;
}

/** For a module that runs without limits: changes nothing else. Null when it has no start section. */
export function exportStart(outline: ModuleOutline): StartedByExport | null {
  const added = new AddedDefinitions(outline, 0);
  const startExport = addStartExport(outline, added);
  if (startExport === null) return null;
  const contents = new Map<number, ByteWriter>([
    [sectionId.type, writeTypes(outline, added)],
    [sectionId.function, writeFunctions(outline, added)],
    [sectionId.export, writeExports(outline, added)],
    [sectionId.code, appendCode(outline, added)],
  ]);
  const bytes = assembleModule(outline, {
    contents,
    hints: null,
    custom: (section) => contentOf(outline, section),
  });
  return { bytes, startExport };
}
