/**
 * Five million events with a guest that traps on every hundredth: prints memory over time, and a verdict.
 *
 *     bun tests/soak/traps.ts --events 5000000 [-- flags of the agent]
 */

import { parseArgs } from "node:util";
import { growthMib, soakWithTraps } from "./trap-soak.ts";

/** Noise of a heap that breathes. */
const MAX_GROWTH_MIB = 16;
const PRINT_EVERY = 10;

const { values, positionals } = parseArgs({
  options: {
    events: { type: "string", default: "5000000" },
    "sample-ms": { type: "string", default: "1000" },
  },
  allowPositionals: true,
});

let taken = 0;
const result = await soakWithTraps({
  events: Number(values.events),
  sampleEveryMs: Number(values["sample-ms"]),
  flags: positionals,
  onSample: ({ seconds, residentMib }) => {
    if (taken++ % PRINT_EVERY === 0)
      console.log(`${seconds.toFixed(0).padStart(6)} s  ${residentMib.toFixed(1).padStart(7)} MiB`);
  },
});

const { load, samples, goodRefused, poisonAllowed, exitCode } = result;
const growth = growthMib(samples);
const faults = load.errors + load.wrongIds + load.unanswered;
const isFlat = growth <= MAX_GROWTH_MIB;
const isRight = goodRefused === 0 && poisonAllowed === 0 && faults === 0 && exitCode === 0;

console.log(`
${load.normal.events + (load.poison?.events ?? 0)} events in ${load.seconds.toFixed(0)} s, ${load.eventsPerSecond.toFixed(0)} a second
traps              ${load.poison?.events ?? 0}, of which ${poisonAllowed} were allowed
good events        ${load.normal.events}, of which ${goodRefused} were refused
latency            good p50 ${load.normal.latencyUs.p50} µs, p99 ${load.normal.latencyUs.p99} µs; trap p50 ${load.poison?.latencyUs.p50} µs, p99 ${load.poison?.latencyUs.p99} µs
faults             ${faults} (broken connections, wrong ids, no answer)
memory             ${samples[0]?.residentMib.toFixed(1)} MiB first, ${samples.at(-1)?.residentMib.toFixed(1)} MiB last, ${Math.max(...samples.map(({ residentMib }) => residentMib)).toFixed(1)} MiB at most
growth             ${growth.toFixed(1)} MiB from the second fifth to the last: ${isFlat ? "flat" : "NOT FLAT"}
answers            ${isRight ? "all right" : "NOT ALL RIGHT"}`);
process.exit(isFlat && isRight ? 0 : 1);
