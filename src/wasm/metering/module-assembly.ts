/**
 * Puts the sections of the rewritten module together: changed ones from their new content, others as they were, and
 * those the guest had no use for in their right places.
 */

import { branchHintSection } from "./branch-hints.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type ModuleOutline, orderOf, type Section, sectionId } from "./module-outline.ts";
import { nameSection } from "./name-section.ts";

export interface NewSections {
  /** New contents by section id; the others stay as they are. */
  readonly contents: ReadonlyMap<number, ByteWriter>;
  /** Content of the new section of branch hints, with its name. */
  readonly hints: ByteWriter | null;
  /** Content of the new name section, with its name. */
  readonly names: ByteWriter | null;
}

interface Part {
  readonly id: number;
  readonly content: Uint8Array;
}

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const longestSectionHeader = 6;

/**
 * Custom sections that speak of offsets in the code or are there for debuggers alone. They would lie about the
 * rewritten code, so they are left out.
 */
const droppedCustomSections =
  /^(\.debug_|reloc\.|metadata\.code\.)|^(linking|sourceMappingURL|external_debug_info)$/;

export function assembleModule(outline: ModuleOutline, sections: NewSections): Uint8Array<ArrayBuffer> {
  const parts = orderedParts(outline, sections);
  let size = header.length;
  for (const { content } of parts) size += longestSectionHeader + content.length;
  const module = new ByteWriter(size);
  module.bytes(header);
  for (const { id, content } of parts) {
    module.u8(id);
    module.u32(content.length);
    module.bytes(content);
  }
  return module.view;
}

function orderedParts(outline: ModuleOutline, { contents, hints, names }: NewSections): Part[] {
  const parts: Part[] = [];
  const waiting = [...contents.keys()].sort((one, other) => orderOf(one) - orderOf(other));
  const putBefore = (place: number): void => {
    while (waiting.length > 0 && orderOf(waiting[0] as number) < place) put(waiting.shift() as number);
  };
  const put = (id: number): void => {
    if (id === sectionId.code && hints !== null) parts.push({ id: sectionId.custom, content: hints.view });
    parts.push({ id, content: (contents.get(id) as ByteWriter).view });
  };
  for (const section of outline.sections) {
    if (section.id === sectionId.custom) {
      parts.push(...customPart(outline, section, names));
    } else {
      putBefore(orderOf(section.id));
      if (waiting[0] === section.id) put(waiting.shift() as number);
      else parts.push({ id: section.id, content: outline.bytes.subarray(section.start, section.end) });
    }
  }
  putBefore(Number.POSITIVE_INFINITY);
  return parts;
}

function customPart({ bytes }: ModuleOutline, section: Section, names: ByteWriter | null): Part[] {
  if (section.name === nameSection) return names === null ? [] : [{ id: section.id, content: names.view }];
  if (section.name === branchHintSection || droppedCustomSections.test(section.name)) return [];
  return [{ id: section.id, content: bytes.subarray(section.contentStart, section.end) }];
}
