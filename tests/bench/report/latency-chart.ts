/**
 * A latency histogram for the terminal: one line a half octave, its share of the events as a bar, and marks where the
 * median and the 99th percentile fall.
 */

import type { Chart } from "../bench.ts";

const BAR_WIDTH = 50;
const QUANTILES: readonly (readonly [string, number])[] = [
  ["p50", 0.5],
  ["p90", 0.9],
  ["p99", 0.99],
  ["p99.9", 0.999],
];

function readable(us: number): string {
  if (us >= 1e6) return `${(us / 1e6).toPrecision(3)} s`;
  if (us >= 1000) return `${(us / 1000).toPrecision(3)} ms`;
  return `${us.toPrecision(3)} µs`;
}

export function latencyChart({ title, shape }: Chart): string {
  const perLine = new Map<number, number>();
  let total = 0;
  for (const [fromUs, events] of shape) {
    const halfOctave = Math.floor(2 * Math.log2(Math.max(fromUs, 0.001)) + 1e-9);
    perLine.set(halfOctave, (perLine.get(halfOctave) ?? 0) + events);
    total += events;
  }
  if (total === 0) return `${title}\n  no events`;
  const keys = [...perLine.keys()];
  const highest = Math.max(...perLine.values());
  const lines = [title];
  let seen = 0;
  for (let key = Math.min(...keys); key <= Math.max(...keys); key++) {
    const events = perLine.get(key) ?? 0;
    const marks = QUANTILES.filter(([, share]) => seen < share * total && seen + events >= share * total);
    seen += events;
    // A filled line shows at least a dot, so that a single late event is seen.
    const bar = events === 0 ? "" : "#".repeat(Math.round((events / highest) * BAR_WIDTH)) || ".";
    const share = `${((100 * events) / total).toFixed(2)} %`;
    const from = readable(2 ** (key / 2));
    lines.push(
      `  ${from.padStart(8)} ${share.padStart(9)} |${bar} ${marks.map(([name]) => `<${name}`).join(" ")}`.trimEnd(),
    );
  }
  return lines.join("\n");
}
