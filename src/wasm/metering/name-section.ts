/**
 * The names of functions: moved to their new indices for tools that read the rewritten module, and looked up for trap
 * reports. Names are a courtesy, so a damaged section counts as absent.
 * https://webassembly.github.io/spec/core/appendix/custom.html#name-section
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type Export, externalKind, type ModuleOutline, type Section, sectionId } from "./module-outline.ts";

export const nameSection = "name";

const functionNames = 1;
/** Names of locals and of labels: by far the largest part, and of no use to anyone here. */
const droppedSubsections = [2, 3];

/** The new content of the section, with its name; null when it is damaged. */
export function moveNames(
  { bytes }: ModuleOutline,
  section: Section,
  added: AddedDefinitions,
): ByteWriter | null {
  const reader = new ByteReader(bytes, section.start, section.end);
  const moved = new ByteWriter(section.end - section.start + 64);
  moved.name(nameSection);
  try {
    while (!reader.isDone) {
      const id = reader.u8();
      const content = reader.range();
      if (droppedSubsections.includes(id)) continue;
      const subsection = new ByteWriter(content.end - content.at + 64);
      if (id === functionNames) moveFunctionNames(content, subsection, added);
      else subsection.range(bytes, content.at, content.end);
      moved.section(id, subsection);
    }
  } catch {
    return null;
  }
  return moved;
}

function findNameSection({ sections }: ModuleOutline): Section | undefined {
  return sections.find(({ id, name }) => id === sectionId.custom && name === nameSection);
}

function moveFunctionNames(reader: ByteReader, writer: ByteWriter, added: AddedDefinitions): void {
  const count = reader.count();
  writer.u32(count);
  for (let left = count; left > 0; left--) {
    writer.u32(added.movedFunction(reader.u32()));
    const start = reader.at;
    reader.range();
    writer.range(reader.bytes, start, reader.at);
  }
}

/** Looks functions up by the guest's own index; reads the names when the first one is asked for. */
export class FunctionNames {
  readonly #exports: readonly Export[];
  /** A copy of the section alone, so that the module's bytes need not be kept. */
  readonly #section: Uint8Array | null;
  #names: Map<number, string> | null = null;

  constructor(outline: ModuleOutline) {
    const { bytes, exports } = outline;
    const section = findNameSection(outline);
    this.#section = section === undefined ? null : bytes.slice(section.start, section.end);
    this.#exports = exports;
  }

  /** From the name section, or else the name of the first export. */
  find(index: number): string | undefined {
    this.#names ??= this.#read();
    return this.#names.get(index);
  }

  #read(): Map<number, string> {
    const names = new Map<number, string>();
    for (const { name, kind, index } of this.#exports) {
      if (kind === externalKind.func && !names.has(index)) names.set(index, name);
    }
    if (this.#section !== null)
      readFunctionNames(new ByteReader(this.#section, 0, this.#section.length), names);
    return names;
  }
}

function readFunctionNames(reader: ByteReader, names: Map<number, string>): void {
  try {
    while (!reader.isDone) {
      const id = reader.u8();
      const content = reader.range();
      if (id !== functionNames) continue;
      for (let left = content.count(); left > 0; left--) {
        const index = content.u32();
        const name = content.name();
        if (name !== "") names.set(index, name);
      }
    }
  } catch {
    // Names read before the damage are still good.
  }
}
