/**
 * Resident memory of a process that was started by the benchmark.
 */

import { readFileSync } from "node:fs";

/** In MiB; NaN when the process is unknown or gone. */
export function residentMebibytes(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN;
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? Number.NaN : Number(kilobytes) / 1024;
  } catch {
    return Number.NaN;
  }
}
