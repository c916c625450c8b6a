/**
 * Puts the sections of the rewritten module together: changed ones from their new content, others as they were, and
 * those the guest had no use for in their right places. The start section is left out: it has become an export
 * (`start-export.ts`).
 */

import { ByteWriter } from "../binary/byte-writer.ts";
import { MODULE_HEADER } from "../binary/header.ts";
import { type ModuleOutline, orderOf, type Section, sectionId } from "../binary/module-outline.ts";

export interface NewSections {
  /** New contents by section id; the others stay as they are. */
  readonly contents: ReadonlyMap<number, ByteWriter>;
  /** Content of a section of branch hints, with its name, to be put before the code; null for none. */
  readonly hints: ByteWriter | null;
  /** The new content, with its name, of a custom section of the guest; null leaves it out. */
  custom(section: Section): Uint8Array | null;
}

interface Part {
  readonly id: number;
  readonly content: Uint8Array;
}

const longestSectionHeader = 6;

export function assembleModule(outline: ModuleOutline, sections: NewSections): Uint8Array<ArrayBuffer> {
  const parts = orderedParts(outline, sections);
  let size = MODULE_HEADER.length;
  for (const { content } of parts) size += longestSectionHeader + content.length;
  const module = new ByteWriter(size);
  module.bytes(MODULE_HEADER);
  for (const { id, content } of parts) {
    module.u8(id);
    module.u32(content.length);
    module.bytes(content);
  }
  return module.view;
}

function orderedParts(outline: ModuleOutline, { contents, hints, custom }: NewSections): Part[] {
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
    const { id } = section;
    if (id === sectionId.start) continue;
    if (id === sectionId.custom) {
      const content = custom(section);
      if (content !== null) parts.push({ id, content });
      continue;
    }
    putBefore(orderOf(id));
    if (waiting[0] === id) put(waiting.shift() as number);
    else parts.push({ id, content: contentOf(outline, section) });
  }
  putBefore(Number.POSITIVE_INFINITY);
  return parts;
}

/** As it is, with the name of a custom section. */
export function contentOf({ bytes }: ModuleOutline, { contentStart, end }: Section): Uint8Array {
  return bytes.subarray(contentStart, end);
}
