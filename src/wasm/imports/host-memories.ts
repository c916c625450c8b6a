/** Makes the memories that an instance imports. */

import type { ImportedMemory } from "../imported-memory.ts";
import type { AbiImports } from "./abi-imports.ts";
import type { ExtraImport } from "./host-imports.ts";

export interface HostMemory extends ExtraImport {
  readonly value: WebAssembly.Memory;
}

/**
 * Those that the ABI gives, in the order of the module's imports; the others are missing imports, which
 * `createHostImports` names.
 *
 * @throws RangeError when the system has no memory for one
 */
export function createHostMemories(memories: readonly ImportedMemory[], abi: AbiImports): HostMemory[] {
  const made: HostMemory[] = [];
  for (const memory of memories) {
    const { module, name } = memory;
    const initialPages = abi.memoryPages?.(module, name) ?? null;
    // A module may import one memory several times.
    if (initialPages === null || made.some((one) => one.module === module && one.name === name)) continue;
    made.push({ module, name, value: createMemory(memory, initialPages) });
  }
  return made;
}

/** With a maximum, which the engine holds the host's own growing to as well. */
function createMemory(
  { minPages, maxPages, isShared }: ImportedMemory,
  initialPages: number,
): WebAssembly.Memory {
  const wanted = Math.max(minPages, initialPages);
  if (maxPages === null) return new WebAssembly.Memory({ initial: wanted });
  return new WebAssembly.Memory({ initial: Math.min(wanted, maxPages), maximum: maxPages, shared: isShared });
}
