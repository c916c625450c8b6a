/**
 * The fuzz target of the wire: `bun tests/wire/fuzz.ts [--seconds N] [--seed N]`. Real frames and results, spoilt at
 * random, go through the real protocols, dispatcher, ring and guest; the answers are held against the rules of the
 * proxies. The first find ends the run with code 1 and is kept under tests/regressions/wire.
 */

import { parseArgs } from "node:util";
import { examplePolicy } from "../support/example-modules.ts";
import { runCampaign } from "./fuzz/campaign.ts";
import { keepFind } from "./fuzz/kept-finds.ts";

const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 0x1_0000_0000);

const endAtMs = performance.now() + seconds * 1000;
const report = await runCampaign({
  module: examplePolicy("rust"),
  seed,
  mayGoOn: () => performance.now() < endAtMs,
});
console.log(`${report.cases} cases with seed ${seed}`);
if (report.find !== null) {
  console.log(`found: ${report.find.what}\nkept as ${await keepFind(report.find)}`);
  process.exit(1);
}
