/**
 * The names of functions, looked up for trap reports and messages. Names are a courtesy, so a damaged section counts as
 * absent. https://webassembly.github.io/spec/core/appendix/custom.html#name-section
 */

import { ByteReader } from "./byte-reader.ts";
import { type Export, externalKind, type ModuleOutline, type Section, sectionId } from "./module-outline.ts";

export const nameSection = "name";
/** The subsection with the names of functions. */
export const functionNames = 1;

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

function findNameSection({ sections }: ModuleOutline): Section | undefined {
  return sections.find(({ id, name }) => id === sectionId.custom && name === nameSection);
}
