/**
 * The names of functions, moved to their new indices for tools that read the rewritten module. Names are a courtesy, so a
 * damaged section counts as absent.
 * https://webassembly.github.io/spec/core/appendix/custom.html#name-section
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import { ByteReader } from "../binary/byte-reader.ts";
import { ByteWriter } from "../binary/byte-writer.ts";
import { functionNames, nameSection } from "../binary/function-names.ts";
import type { ModuleOutline, Section } from "../binary/module-outline.ts";

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
