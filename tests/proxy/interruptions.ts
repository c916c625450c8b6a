/**
 * What each way of replacing module or agent costs behind the proxies of this machine: requests that fail, for how long,
 * and how long the longest took. The README's table comes from here.
 *
 *   ZENTINEL_BIN=... SENTINEL_BIN=... bun tests/proxy/interruptions.ts [clients]
 */

import { examplePolicy } from "../support/example-modules.ts";
import { proxyName } from "./describe-each-proxy.ts";
import { Deployment } from "./deployment.ts";
import { HttpLoad } from "./http-load.ts";
import { findProxies } from "./installed-proxies.ts";

const WARM_UP_MS = 1000;
const clients = Number(process.argv[2] ?? 16);

interface Interruption {
  readonly what: string;
  readonly run: (deployment: Deployment) => Promise<void>;
  /** Until traffic has recovered. */
  readonly restMs: number;
  /** As the README's configuration has it, not the proxy's defaults. */
  readonly forgivingBreaker?: boolean;
}

const INTERRUPTIONS: readonly Interruption[] = [
  { what: "nothing", run: async () => {}, restMs: 3000 },
  { what: "reload (SIGHUP)", run: async (deployment) => deployment.reloadAgent(), restMs: 3000 },
  { what: "take-over", run: (deployment) => deployment.takeOver(), restMs: 3000 },
  {
    what: "restart",
    run: async (deployment) => {
      await deployment.stopAgent();
      await deployment.startAgent();
    },
    restMs: 45_000,
  },
  {
    what: "restart, README's breaker",
    run: async (deployment) => {
      await deployment.stopAgent();
      await deployment.startAgent();
    },
    restMs: 20_000,
    forgivingBreaker: true,
  },
  {
    what: "kill -9 and start, README's breaker",
    run: async (deployment) => {
      await deployment.killAgent();
      await deployment.startAgent();
    },
    restMs: 20_000,
    forgivingBreaker: true,
  },
];

for (const proxy of findProxies(process.env).found) {
  console.log(`${proxyName(proxy)}, ${clients} clients`);
  for (const { what, run, restMs, forgivingBreaker = false } of INTERRUPTIONS) {
    await using deployment = await Deployment.open(proxy, {
      module: examplePolicy("rust"),
      config: {
        timeoutMs: 1500,
        ...(forgivingBreaker ? { circuitBreaker: { failureThreshold: 50, timeoutSeconds: 2 } } : {}),
      },
    });
    const load = new HttpLoad(deployment, clients);
    await Bun.sleep(WARM_UP_MS);
    await run(deployment);
    await Bun.sleep(restMs);
    const { answered, failed, longestMs, failingMs, failures } = await load.finish();
    console.log(
      `  ${what.padEnd(38)} answered ${answered}, failed ${failed}, failing for ${failingMs} ms, longest ${longestMs} ms`,
      failures,
    );
  }
}
process.exit(0);
