/**
 * The `config` block of the proxy's file: delivered or not, applied, and refused by the module
 * (docs/agent-protocol.md 13).
 */

import { describe, expect, test } from "bun:test";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment, type DeploymentOptions } from "./deployment.ts";
import type { InstalledProxy } from "./installed-proxies.ts";
import { scriptedGuest } from "./scripted-guest.ts";

const GUEST = scriptedGuest({
  rules: [
    { on: "request", when: "/trap", answer: "trap" },
    { on: "request", when: "/", answer: { decision: "allow", add_request_headers: { "X-Guest": "asked" } } },
  ],
  refusesConfig: '"mode":"impossible"',
});

async function openDeployment(
  proxy: InstalledProxy,
  options: Omit<DeploymentOptions, "module">,
): Promise<Deployment> {
  return Deployment.open(proxy, { module: await GUEST, ...options });
}

/** How many a v2 proxy opens to an agent. */
const PROXY_CONNECTIONS = 4;

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}

describeEachProxy("configuration", (proxy) => {
  const delivery = proxy.traits.configDelivery;

  describe("with fail-open in the config block, and a fail-closed agent", () => {
    const agentConfig = { "fail-open": true, "pool-size": 2, mode: "strict" };

    if (delivery === "never") {
      test("this proxy delivers nothing: the agent's own policy stays", async () => {
        await using deployment = await openDeployment(proxy, { config: { agentConfig } });
        expect(await deployment.request("/trap")).toMatchObject({ status: 500, body: "Wasm Error" });
        expect(deployment.agentLog()).not.toContain("configuration");
      });
    } else {
      test("it is applied once, however many connections bring it", async () => {
        await using deployment = await openDeployment(proxy, { config: { agentConfig } });
        const answer = await deployment.request("/trap");
        expect(answer.status).toBe(200);
        expect(answer.echo?.headers).not.toHaveProperty("x-guest");
        expect(countOf(deployment.agentLog(), "the proxy's configuration was applied")).toBe(1);
      });

      test("a key that means nothing to the agent is named in a warning", async () => {
        await using deployment = await openDeployment(proxy, { config: { agentConfig } });
        const warnings = deployment
          .agentLog()
          .split("\n")
          .filter((line) => line.includes("were left to the module"));
        expect(warnings).toHaveLength(1);
        expect(JSON.parse(warnings[0]!)).toMatchObject({ level: "warn", keys: "mode" });
      });

      const reports = proxy.traits.protocol === "v2" ? "once for each of its connections" : "not at all";
      test(`a value that cannot be used is reported to this proxy ${reports}, and the rest applies`, async () => {
        await using deployment = await openDeployment(proxy, {
          config: { agentConfig: { "fail-open": true, "pool-size": 1000 } },
        });
        expect((await deployment.request("/trap")).status).toBe(200);
        const lines = countOf(deployment.proxyLog(), "pool-size must be an integer from 1 to 256, got 1000");
        expect(lines).toBe(proxy.traits.protocol === "v2" ? PROXY_CONNECTIONS : 0);
      });

      test("--ignore-proxy-config keeps the agent's own policy, and the agent in service", async () => {
        await using deployment = await openDeployment(proxy, {
          agentFlags: ["--ignore-proxy-config"],
          config: { agentConfig },
        });
        expect((await deployment.request("/")).echo?.headers["x-guest"]).toBe("asked");
        expect(await deployment.request("/trap")).toMatchObject({ status: 500, body: "Wasm Error" });
      });
    }
  });

  describe("with a config block that the module refuses", () => {
    const agentConfig = { mode: "impossible" };

    if (delivery === "before-use") {
      test("a fail-closed route answers 503 and nothing reaches the upstream", async () => {
        await using deployment = await openDeployment(proxy, {
          config: { agentConfig },
          isOpen: async (opened) => opened.agentLog().includes("refused the proxy's configuration"),
        });
        for (let i = 0; i < 10; i++) {
          expect(await deployment.request("/")).toMatchObject({ status: 503, body: "Service unavailable" });
        }
        expect(deployment.upstream.requests).toBe(0);
        expect(deployment.proxyLog()).toContain("on_configure answered 1");
      });

      test("a fail-open route goes on without the agent", async () => {
        await using deployment = await openDeployment(proxy, {
          config: { agentConfig, failureMode: "open" },
        });
        const answer = await deployment.request("/");
        expect(answer.status).toBe(200);
        expect(answer.echo?.headers).not.toHaveProperty("x-guest");
      });
    } else {
      const why = delivery === "once" ? "this proxy only logs the refusal" : "this proxy delivers nothing";
      test(`traffic is decided by the module all the same: ${why}`, async () => {
        await using deployment = await openDeployment(proxy, { config: { agentConfig } });
        expect((await deployment.request("/")).echo?.headers["x-guest"]).toBe("asked");
        const refusals = countOf(deployment.agentLog(), "refused the proxy's configuration");
        expect(refusals).toBe(delivery === "once" ? 1 : 0);
      });
    }
  });
});
