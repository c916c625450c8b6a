/**
 * The custom section that tells the engine which branches are rarely taken. The rewrite marks its own checks, so that
 * the optimiser keeps the call behind them out of the way of the registers, and carries the guest's hints along.
 * https://github.com/WebAssembly/branch-hinting
 *
 * JavaScriptCore (Bun 1.4.5) looks hints up by the number of the function among those with code, where the proposal
 * means the function's index, which counts imports as well. Hints are written the way they are looked up.
 */

import { ByteReader } from "../binary/byte-reader.ts";
import type { ByteWriter } from "../binary/byte-writer.ts";
import type { ModuleOutline, Section } from "../binary/module-outline.ts";
import { sectionId } from "../binary/module-outline.ts";

export const branchHintSection = "metadata.code.branch_hint";

/** Value of a hint: the branch is unlikely. */
export const unlikely = 0;

/** Hints of one function, in the order of their offsets from the start of the function's body. */
export interface FunctionHints {
  readonly offsets: number[];
  readonly values: number[];
}

/**
 * The guest's hints by the number of the function among those with code. A section that makes no sense counts as
 * absent: hints change nothing but speed.
 */
export function readBranchHints({
  bytes,
  sections,
  importedFunctions,
}: ModuleOutline): Map<number, FunctionHints> {
  const hints = new Map<number, FunctionHints>();
  const section = sections.find(isBranchHintSection);
  if (section === undefined) return hints;
  const reader = new ByteReader(bytes, section.start, section.end);
  try {
    for (let left = reader.count(); left > 0; left--) {
      const number = reader.u32() - importedFunctions;
      hints.set(number, readFunctionHints(reader));
    }
  } catch {
    hints.clear();
  }
  return hints;
}

function isBranchHintSection(section: Section): boolean {
  return section.id === sectionId.custom && section.name === branchHintSection;
}

function readFunctionHints(reader: ByteReader): FunctionHints {
  const hints: FunctionHints = { offsets: [], values: [] };
  let last = -1;
  for (let left = reader.count(); left > 0; left--) {
    const offset = reader.u32();
    reader.skip(reader.u32() - 1);
    const value = reader.u8();
    if (offset <= last) continue;
    last = offset;
    hints.offsets.push(offset);
    hints.values.push(value & 1);
  }
  return hints;
}

/** Collects the hints of the rewritten code. */
export class BranchHintWriter {
  readonly #content: ByteWriter;
  readonly #function: ByteWriter;
  #functions = 0;
  #hints = 0;

  constructor(content: ByteWriter, scratch: ByteWriter) {
    this.#content = content;
    this.#function = scratch;
  }

  get functionCount(): number {
    return this.#functions;
  }

  /** `offset`: of the `if` or `br_if` from the start of the function's body, larger than the last one. */
  add(offset: number, value: number): void {
    this.#function.u32(offset);
    this.#function.u8(1);
    this.#function.u8(value);
    this.#hints++;
  }

  /** Ends the function with that number among those with code; numbers rise. */
  endFunction(number: number): void {
    if (this.#hints === 0) return;
    this.#content.u32(number);
    this.#content.u32(this.#hints);
    this.#content.bytes(this.#function.view);
    this.#function.clear();
    this.#hints = 0;
    this.#functions++;
  }
}
