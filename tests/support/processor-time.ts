/** Processor time that a process has used so far. Linux only. */

import { readFileSync } from "node:fs";

/** USER_HZ of every Linux that Bun runs on. */
const MS_PER_TICK = 10;

export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * MS_PER_TICK;
}
