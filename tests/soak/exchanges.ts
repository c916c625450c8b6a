/**
 * Five million events in a million exchanges, of which a tenth never end: prints memory over time, and a verdict.
 *
 *     bun tests/soak/exchanges.ts --exchanges 1000000 [-- flags of the agent]
 */

import { parseArgs } from "node:util";
import { soakWithExchanges } from "./exchange-soak.ts";
import { growthMib } from "./trap-soak.ts";

/** Noise of a heap that breathes. */
const MAX_GROWTH_MIB = 16;
const PRINT_EVERY = 10;

const { values, positionals } = parseArgs({
  options: {
    exchanges: { type: "string", default: "1000000" },
    "sample-ms": { type: "string", default: "1000" },
  },
  allowPositionals: true,
});

let taken = 0;
const { events, seconds, samples, faults, newestLost, olderKept, exitCode } = await soakWithExchanges({
  exchanges: Number(values.exchanges),
  sampleEveryMs: Number(values["sample-ms"]),
  flags: positionals,
  onSample: ({ seconds: at, residentMib }) => {
    if (taken++ % PRINT_EVERY === 0)
      console.log(`${at.toFixed(0).padStart(6)} s  ${residentMib.toFixed(1).padStart(7)} MiB`);
  },
});

const growth = growthMib(samples);
const isFlat = growth <= MAX_GROWTH_MIB;
const isRight = faults === 0 && newestLost === 0 && olderKept === 0 && exitCode === 0;

console.log(`
${events} events in ${seconds.toFixed(0)} s, ${(events / seconds).toFixed(0)} a second
faults             ${faults} (refused, somebody else's answer, no request)
endless exchanges  ${newestLost} of the newest lost, ${olderKept} of the older still kept
memory             ${samples[0]?.residentMib.toFixed(1)} MiB first, ${samples.at(-1)?.residentMib.toFixed(1)} MiB last, ${Math.max(...samples.map(({ residentMib }) => residentMib)).toFixed(1)} MiB at most
growth             ${growth.toFixed(1)} MiB from the second fifth to the last: ${isFlat ? "flat" : "NOT FLAT"}
answers            ${isRight ? "all right" : "NOT ALL RIGHT"}`);
process.exit(isFlat && isRight ? 0 : 1);
