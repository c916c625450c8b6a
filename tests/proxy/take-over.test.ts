/** A new agent takes over under a running proxy, again and again under load: no request fails. */

import { expect, test } from "bun:test";
import { examplePolicy } from "../support/example-modules.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment } from "./deployment.ts";
import { HttpLoad } from "./http-load.ts";

const TAKE_OVERS = 10;

describeEachProxy("take-over", (proxy) => {
  test.skipIf(process.platform !== "linux").each([16, 32])(
    "%i clients see nothing of ten take-overs in a row",
    async (clients) => {
      await using deployment = await Deployment.open(proxy, {
        module: examplePolicy("rust"),
        config: { timeoutMs: 5000, agentConfig: { "pool-size": 4 } },
      });
      const load = new HttpLoad(deployment, clients);
      await Bun.sleep(500);
      for (let i = 0; i < TAKE_OVERS; i++) {
        const before = load.answered;
        await deployment.takeOver();
        await Bun.sleep(200);
        expect(load.answered).toBeGreaterThan(before);
      }
      const report = await load.finish();
      expect({ failed: report.failed, failures: report.failures }).toEqual({ failed: 0, failures: {} });
      console.log(`    ${report.answered} requests, the longest took ${report.longestMs} ms`);
    },
    120_000,
  );
});
