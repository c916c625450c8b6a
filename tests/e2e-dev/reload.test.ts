/** Hot reload under load, in short; reload-soak.ts does the same five hundred times and looks at the memory. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { AgentProcess } from "../support/agent-process.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type ReloadTrialOptions, runReloadTrial } from "./reload-trial.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

const trials: readonly ReloadTrialOptions[] = [
  { reloads: 20, trigger: "SIGHUP", dispatch: "auto" },
  { reloads: 20, trigger: "SIGHUP", dispatch: "workers" },
  { reloads: 20, trigger: "watch", dispatch: "auto" },
];

for (const options of trials) {
  const { reloads, trigger, dispatch } = options;
  test(`${reloads} reloads under load fail no event (${trigger}, ${dispatch})`, async () => {
    const { failed, errors, events, namedBoth } = await runReloadTrial(options);
    expect({ failed, errors }).toEqual({ failed: [], errors: [] });
    expect(events).toBeGreaterThan(reloads);
    // Each log line names the module of before and the one after.
    expect(namedBoth).toBe(reloads);
  });
}

test("a module that cannot be used is refused, and the old one serves on", async () => {
  using folder = temporaryFolder();
  const module = folder.file("policy.wasm");
  copyFileSync(examplePolicy("rust"), module);
  await using agent = await AgentProcess.start({ module });
  const proxy = await V2Proxy.connect(agent.socketPath);
  writeFileSync(module, "not a module at all");
  agent.signal("SIGHUP");
  const line = await agent.line("the new module cannot be used; the one before goes on serving");
  expect(line).toMatchObject({ code: "module-not-wasm", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await proxy.request({ uri: "/admin" })).toMatchObject({ tags: ["admin-blocked"] });
});

test.skipIf(process.platform !== "linux")(
  "reloads that come faster than threads end do not pile them up (Linux, which tells the count)",
  async () => {
    using folder = temporaryFolder();
    const module = folder.file("policy.wasm");
    const modules = [examplePolicy("rust"), examplePolicy("c")] as const;
    copyFileSync(modules[0], module);
    await using agent = await AgentProcess.start({
      module,
      flags: ["--pool-size", "2", "--dispatch", "workers"],
    });
    const threads: number[] = [];
    for (let i = 1; i <= 25; i++) {
      copyFileSync(modules[i % 2]!, `${module}.new`);
      renameSync(`${module}.new`, module);
      agent.signal("SIGHUP");
      while (agent.lines.filter(({ msg }) => msg === "reloaded the module").length < i) await Bun.sleep(5);
      threads.push(readdirSync(`/proc/${agent.pid}/task`).length);
    }
    // Two for each ring, of which there are two for a moment; otherwise there would be some forty more by now.
    expect(Math.max(...threads.slice(-5)) - Math.min(...threads.slice(0, 5))).toBeLessThan(12);
  },
);
