/** The customary metrics of a process, from what the system says. What it does not say is left out. */

import { readdirSync, readFileSync } from "node:fs";
import { METRICS } from "./catalogue.ts";
import type { MetricsPage } from "./metrics-page.ts";

const US_PER_SECOND = 1e6;
const MS_PER_SECOND = 1000;

export function writeProcessMetrics(page: MetricsPage): void {
  const { user, system } = process.cpuUsage();
  page.add(METRICS.processCpu, [], (user + system) / US_PER_SECOND);
  page.add(METRICS.processResidentMemory, [], process.memoryUsage.rss());
  page.add(METRICS.processStartTime, [], Math.round(performance.timeOrigin) / MS_PER_SECOND);
  const openFds = countOpenFds();
  if (openFds !== null) page.add(METRICS.processOpenFds, [], openFds);
  const maxFds = readMaxFds();
  if (maxFds !== null) page.add(METRICS.processMaxFds, [], maxFds);
}

/** Without the one that the listing itself needs. */
function countOpenFds(): number | null {
  try {
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return null;
  }
}

function readMaxFds(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
