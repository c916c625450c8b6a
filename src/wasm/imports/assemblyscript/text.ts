/**
 * Strings of AssemblyScript: a pointer to UTF-16 code units, with their length in bytes as a u32 in the four bytes
 * before it. Pointer 0 is null.
 */

import type { MemoryView } from "../import-memory.ts";

const UNREADABLE = "(text outside of memory)";

export interface GuestText {
  /** Well-formed: a lone surrogate has become a replacement character. */
  readonly text: string;
  /** UTF-16 bytes beyond `maxBytes` that were left out. */
  readonly cutBytes: number;
}

/** Copies at most `maxBytes`, an even number. Null reads as an empty text. */
export function readText(memory: MemoryView, rawPointer: number, maxBytes: number): GuestText {
  const pointer = rawPointer >>> 0;
  if (pointer === 0) return { text: "", cutBytes: 0 };
  if (pointer < 4 || !memory.holds(pointer, 0)) return { text: UNREADABLE, cutBytes: 0 };
  const byteLength = memory.data.getUint32(pointer - 4, true);
  if (!memory.holds(pointer, byteLength)) return { text: UNREADABLE, cutBytes: 0 };
  const kept = Math.min(byteLength, maxBytes);
  const bytes = Buffer.from(memory.bytes.buffer as ArrayBuffer, pointer, kept);
  return { text: bytes.toString("utf16le").toWellFormed(), cutBytes: byteLength - kept };
}
