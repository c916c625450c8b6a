/** One deployment for all tests of a `describe`, where no test changes what the others see. */

import { afterAll, beforeAll } from "bun:test";
import { Deployment, type DeploymentOptions } from "./deployment.ts";
import type { InstalledProxy } from "./installed-proxies.ts";

/** Returns where to find it once the tests run. */
export function sharedDeployment(
  proxy: InstalledProxy,
  options: () => Promise<DeploymentOptions>,
): () => Deployment {
  let deployment: Deployment | null = null;
  beforeAll(async () => {
    deployment = await Deployment.open(proxy, await options());
  });
  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
  });
  return () => {
    if (deployment === null) throw new Error("the deployment is not open");
    return deployment;
  };
}
