/**
 * The long version of reload.test.ts: 500 reloads under load, by each trigger. Prints what it counted; exit code 1 when
 * an event failed or memory grew beyond the bound.
 *
 *   bun tests/e2e-dev/reload-soak.ts [reloads]
 */

import { MAX_GROWTH_BYTES } from "./max-growth.ts";
import { describeTrial, type ReloadTrialOptions, runReloadTrial } from "./reload-trial.ts";

const DEFAULT_RELOADS = 500;

const reloads = Number(process.argv[2] ?? DEFAULT_RELOADS);
const trials: readonly ReloadTrialOptions[] = [
  { reloads, trigger: "SIGHUP", dispatch: "auto" },
  { reloads, trigger: "watch", dispatch: "auto" },
  { reloads, trigger: "SIGHUP", dispatch: "workers" },
];

for (const options of trials) {
  const report = await runReloadTrial(options);
  console.log(describeTrial(options, report));
  for (const failure of [...report.failed, ...report.errors].slice(0, 5)) console.log(`  ${failure}`);
  const isGood =
    report.failed.length + report.errors.length === 0 &&
    report.lateBytes - report.earlyBytes <= MAX_GROWTH_BYTES;
  if (!isGood) process.exitCode = 1;
}
