/** Configurations that README shows: the proxies take the very text, and serve with it. */

import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examplePolicy } from "../support/example-modules.ts";
import { type ProxyEra, proxyConfig } from "./config.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment, type DeploymentAddresses } from "./deployment.ts";
import type { InstalledProxy } from "./installed-proxies.ts";
import { configBlocks } from "./readme-config.ts";

const README = join(import.meta.dir, "../../README.md");
const readme = existsSync(README) ? readFileSync(README, "utf8") : null;

interface Check {
  readonly isAccepted: boolean;
  /** Lines that complain, without colours. */
  readonly complaints: readonly string[];
}

/** The older name of the first block is the one that every parser of that era takes. */
const EXPECTED_COMPLAINT = "The 'server' block is deprecated";

function check(proxy: InstalledProxy, text: string): Check {
  const folder = mkdtempSync(join(tmpdir(), "agent-proxy-config-"));
  try {
    const path = join(folder, "proxy.kdl");
    writeFileSync(path, text);
    const { exitCode, stdout, stderr } = Bun.spawnSync([proxy.program, "test", "-c", path], {
      env: { ...process.env, NO_COLOR: "1", RUST_BACKTRACE: "0" },
    });
    const lines = Bun.stripANSI(`${stdout}\n${stderr}`).split("\n");
    return {
      isAccepted: exitCode === 0,
      complaints: lines.filter((line) => /⚠| WARN |^Error/.test(line) && !line.includes(EXPECTED_COMPLAINT)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same text on the addresses of a test. */
function moved(text: string, to: DeploymentAddresses): string {
  return text
    .replace("127.0.0.1:8080", to.listen)
    .replace("127.0.0.1:9000", to.upstream)
    .replace(/(unix-socket )"[^"]*"/, `$1"${to.socketPath}"`);
}

async function expectToServe(proxy: InstalledProxy, text: string): Promise<void> {
  await using deployment = await Deployment.open(proxy, {
    module: examplePolicy("rust"),
    configText: (addresses) => moved(text, addresses),
  });
  expect((await deployment.request("/products")).echo?.headers["x-wasm-processed"]).toBe("true");
  expect(await deployment.request("/admin")).toMatchObject({ status: 401, body: "Authentication required" });
}

describeEachProxy("configuration files", (proxy) => {
  test("the smallest one is taken without complaint", () => {
    expect(check(proxy, proxyConfig({ era: proxy.era }))).toEqual({ isAccepted: true, complaints: [] });
  });

  test("one that uses every key is taken without complaint", () => {
    const text = proxyConfig({
      era: proxy.era,
      events: ["request_headers", "response_headers"],
      timeoutMs: 250,
      failureMode: "open",
      circuitBreaker: { failureThreshold: 10, timeoutSeconds: 5 },
      agentConfig: { "pool-size": 8, "fail-open": true, greeting: 'say "hello"\\' },
    });
    expect(check(proxy, text)).toEqual({ isAccepted: true, complaints: [] });
  });

  test("one without a transport is refused, so this check can fail", () => {
    const text = proxyConfig({ era: proxy.era }).replace("unix-socket", "transport");
    expect(check(proxy, text)).toMatchObject({ isAccepted: false });
  });

  test("one with a forgiving breaker and a config block serves", async () => {
    const text = proxyConfig({
      era: proxy.era,
      circuitBreaker: { failureThreshold: 50, timeoutSeconds: 2 },
      agentConfig: { "pool-size": 4, "fail-open": false },
    });
    await expectToServe(proxy, text);
  });

  if (readme === null) {
    test.skip("README's own (not tried: there is no README.md)", () => {});
  } else {
    const blocks = configBlocks(readme).filter((block) => block.eras.includes(proxy.era));
    test.each([...blocks])("README's at line $line is taken without complaint", ({ text }) => {
      expect(check(proxy, text)).toEqual({ isAccepted: true, complaints: [] });
    });
    test.each([...blocks])("README's at line $line serves", ({ text }) => expectToServe(proxy, text));
  }
});

test.skipIf(readme === null).each<ProxyEra>(["zentinel", "sentinel"])(
  "README, if there is one, shows a configuration for %s",
  (era) => {
    expect(configBlocks(readme ?? "").filter((block) => block.eras.includes(era))).not.toBeEmpty();
  },
);
