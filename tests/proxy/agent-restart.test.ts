/** A restart of the agent under a running proxy: no request passes unseen meanwhile, and traffic recovers. */

import { expect, test } from "bun:test";
import { examplePolicy } from "../support/example-modules.ts";
import type { ProxyConfig } from "./config.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { type ClientAnswer, Deployment } from "./deployment.ts";

/** How often traffic tries again: each try may count as a failure for the proxy's breaker. */
const TRY_EVERY_MS = 250;
/** So many good answers in a row that every connection of the proxy's pool has given some. */
const RECOVERED_AFTER = 20;

/** With it, the pause of the proxy's breaker hardly adds to the 10 s between its attempts to connect. */
const FORGIVING = { failureThreshold: 50, timeoutSeconds: 2 };

interface Case {
  readonly how: string;
  readonly end: (deployment: Deployment) => Promise<void>;
}

const CASES: readonly Case[] = [
  { how: "stopped", end: (deployment) => deployment.stopAgent() },
  { how: "killed", end: (deployment) => deployment.killAgent() },
];

function isSeenByTheModule(answer: ClientAnswer): boolean {
  return answer.echo?.headers["x-wasm-processed"] === "true";
}

describeEachProxy("agent restart", (proxy) => {
  const open = (config: Pick<ProxyConfig, "failureMode" | "circuitBreaker">) =>
    Deployment.open(proxy, { module: examplePolicy("rust"), config: { timeoutMs: 1000, ...config } });

  test.concurrent.each([...CASES])(
    "an agent that is $how and started again serves all traffic within 30 s, if the breaker forgives",
    async ({ end }) => {
      await using deployment = await open({ circuitBreaker: FORGIVING });
      await end(deployment);
      await deployment.startAgent();
      expect(await timeToRecovery(deployment, 60_000)).toBeLessThan(30_000);
    },
    90_000,
  );

  if (proxy.traits.noticesLostAgent) {
    // Where it is not noticed, each probe of the breaker may find another dead connection, for many minutes.
    test.concurrent("with the breaker as it is by default, all traffic is served within 60 s", async () => {
      await using deployment = await open({});
      await deployment.stopAgent();
      await deployment.startAgent();
      expect(await timeToRecovery(deployment, 90_000)).toBeLessThan(60_000);
    }, 120_000);
  }

  test.concurrent.each([...CASES])(
    "while the agent is $how, a fail-closed route refuses and the upstream hears nothing",
    async ({ end }) => {
      await using deployment = await open({});
      await end(deployment);
      for (let i = 0; i < 5; i++) expect([503, 504]).toContain((await deployment.request("/")).status);
      expect(deployment.upstream.requests).toBe(0);
    },
    60_000,
  );

  test.concurrent("while the agent is away, a fail-open route goes on without it", async () => {
    await using deployment = await open({ failureMode: "open" });
    await deployment.stopAgent();
    for (let i = 0; i < 5; i++) {
      const answer = await deployment.request("/");
      expect(answer.status).toBe(200);
      expect(isSeenByTheModule(answer)).toBe(false);
    }
  }, 60_000);

  test.concurrent("requests in flight when the agent is asked to stop are answered by the module", async () => {
    await using deployment = await open({});
    const answers = Array.from({ length: 32 }, () => deployment.request("/"));
    await Promise.race(answers);
    await deployment.stopAgent();
    const all = await Promise.all(answers);
    for (const answer of all) {
      if (answer.status === 200) expect(isSeenByTheModule(answer)).toBe(true);
      else expect([503, 504]).toContain(answer.status);
    }
  }, 60_000);
});

/** Milliseconds from now to the last request that was refused. Every one that passes has been seen by the module. */
async function timeToRecovery(deployment: Deployment, giveUpAfterMs: number): Promise<number> {
  const startMs = performance.now();
  let lastRefusalMs = 0;
  let goodInARow = 0;
  while (goodInARow < RECOVERED_AFTER) {
    const sentMs = performance.now() - startMs;
    if (sentMs > giveUpAfterMs) throw new Error(`no recovery within ${giveUpAfterMs} ms`);
    const answer = await deployment.request("/");
    if (answer.status === 200) {
      expect(isSeenByTheModule(answer)).toBe(true);
      goodInARow++;
    } else {
      expect([503, 504]).toContain(answer.status);
      lastRefusalMs = sentMs;
      goodInARow = 0;
    }
    await Bun.sleep(TRY_EVERY_MS);
  }
  return lastRefusalMs;
}
