/** How many descriptors this process may have open. The runtime raises the soft limit to the hard one when it starts. */

import { readFileSync } from "node:fs";

/** Infinity where the system does not say. */
export function descriptorLimit(): number {
  try {
    return readDescriptorLimit(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** From a `/proc/<pid>/limits` listing: the soft limit. */
export function readDescriptorLimit(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
