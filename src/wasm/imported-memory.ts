/** A memory that a module imports, as far as the host must know it to make one for each instance. */

import type { MemoryImport } from "./binary/module-outline.ts";

export interface ImportedMemory {
  readonly module: string;
  readonly name: string;
  /** Pages of 64 KiB that it begins with at least. */
  readonly minPages: number;
  /** Pages that it may have at most, with limits never above `--max-memory`; null for as many as there can be. */
  readonly maxPages: number | null;
  /** Whether it must be one that threads can share. */
  readonly isShared: boolean;
}

export function importedMemory(
  { module, name, limits: { min, isShared } }: MemoryImport,
  maxPages: number | null,
): ImportedMemory {
  return { module, name, minPages: min, maxPages, isShared };
}
