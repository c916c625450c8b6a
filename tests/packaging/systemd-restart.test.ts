/**
 * Connections outlive the agent on a machine with systemd: a restart, an upgrade of the package, a crash. With fake proxies
 * that never open another connection, and with the real ones that this machine has.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { examplePolicy } from "../support/example-modules.ts";
import { guestPath } from "../guests/guest-path.ts";
import { proxyName } from "../proxy/describe-each-proxy.ts";
import { Deployment } from "../proxy/deployment.ts";
import { HttpLoad } from "../proxy/http-load.ts";
import { findProxies } from "../proxy/installed-proxies.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { v2Frame } from "../support/frames.ts";
import { requestHeaders, Type } from "../support/proxy-messages.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { releaseFile } from "./release-files.ts";
import { SystemdMachine } from "./systemd-machine.ts";

setDefaultTimeout(120_000);

const SERVICE = "sentinel-wasm-agent.service";
const SOCKET_PATH = "/run/sentinel/wasm-agent.sock";
const MODULE = "/etc/sentinel/policy.wasm";
/** What is older is in systemd's store. */
const STORED_AFTER_MS = 1500;

const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string];
const deb = releaseFile(new RegExp(`_${architecture}\\.deb$`));
const booted = deb === null ? "bun run build --packages has not been run" : await SystemdMachine.boot();
const reason = typeof booted === "string" ? booted : null;

describe.skipIf(reason !== null)(
  `connections under systemd${reason === null ? "" : ` (skipped: ${reason})`}`,
  () => {
    let machine: SystemdMachine;

    beforeAll(() => {
      machine = booted as SystemdMachine;
      copyFileSync(deb ?? "", machine.path("/tmp/agent.deb"));
      must("dpkg", "--install", "/tmp/agent.deb");
      useModule(guestPath("echo"));
      must("systemctl", "enable", "--now", "sentinel-wasm-agent");
    });

    afterAll(() => machine.shutDown());

    function must(...command: readonly string[]): string {
      const { exitCode, output } = machine.run(...command);
      if (exitCode !== 0)
        throw new Error(`${command.join(" ")} ended with ${exitCode}: ${output}\n${journal()}`);
      return output;
    }

    async function mustMeanwhile(...command: readonly string[]): Promise<void> {
      const { exitCode, output } = await machine.runMeanwhile(...command);
      if (exitCode !== 0)
        throw new Error(`${command.join(" ")} ended with ${exitCode}: ${output}\n${journal()}`);
    }

    const journal = () =>
      machine.run("journalctl", "--no-pager", "-o", "cat", "-n", "30", "-u", SERVICE).output;
    const mainPid = () => must("systemctl", "show", "--property=MainPID", "--value", SERVICE);
    const restart = () => mustMeanwhile("systemctl", "restart", SERVICE);
    const upgrade = () => mustMeanwhile("dpkg", "--install", "/tmp/agent.deb");
    const kill = () => mustMeanwhile("systemctl", "kill", "--signal=KILL", "--kill-whom=main", SERVICE);
    const socketPath = () => machine.path(SOCKET_PATH);

    function useModule(path: string): void {
      copyFileSync(path, machine.path(MODULE));
    }

    async function untilReplaced(pid: string): Promise<void> {
      while ([pid, "0"].includes(mainPid())) await Bun.sleep(20);
    }

    test.each([
      { how: "three restarts", replace: async () => [await restart(), await restart(), await restart()] },
      { how: "an upgrade of the package", replace: upgrade },
    ])(
      "$how: every event of pipelined clients is answered, once, on the same connections",
      async ({ replace }) => {
        const clients = await Promise.all(
          Array.from({ length: 12 }, (_, i) =>
            SteadyClient.connect(socketPath(), {
              protocol: i % 2 === 0 ? 2 : 1,
              inFlight: i % 2 === 0 ? 8 : 1,
              pauseMs: 3,
              name: `c${i}`,
            }),
          ),
        );
        const before = mainPid();
        await Bun.sleep(300);
        await replace();
        expect(mainPid()).not.toBe(before);
        const answered = clients.map((client) => client.answered);
        await Bun.sleep(300);
        for (const [i, client] of clients.entries()) {
          expect(await client.finish()).toEqual([]);
          expect(client.answered).toBeGreaterThan(answered[i]!);
        }
        must("systemctl", "reset-failed", SERVICE);
      },
    );

    test("a frame of which a part had been read goes on after a restart, in the configuration that was pushed", async () => {
      const proxy = await V2Proxy.connect(socketPath());
      await proxy.configure({ "pool-size": 3 });
      const frame = v2Frame(Type.requestHeaders, requestHeaders({ id: "in two parts" }));
      const pong = proxy.ping("");
      proxy.wire.send(frame.subarray(0, 40));
      await pong;
      await restart();
      proxy.wire.send(frame.subarray(40));
      await proxy.ping("and the one after it");
      // Nobody asked for it by this client's means, so it counts as an answer to nobody.
      expect(proxy.strays).toHaveLength(1);
      expect(proxy.strays[0]).toContain("in two parts");
      expect(journal()).toContain('"pool_size":3');
      proxy.wire.terminate();
    });

    test("after a crash, connections between two frames go on, and one in the middle of a frame is closed", async () => {
      const idle = await Promise.all([V1Proxy.connect(socketPath()), V1Proxy.connect(socketPath())]);
      for (const proxy of idle) await proxy.request();
      const pipelined = await V2Proxy.connect(socketPath());
      await pipelined.configure({ "pool-size": 2 });
      const half = await V2Proxy.connect(socketPath());
      await Bun.sleep(STORED_AFTER_MS);
      half.wire.send(v2Frame(Type.requestHeaders, requestHeaders()).subarray(0, 40));
      // Long enough for it to be read.
      for (let i = 0; i < 20; i++) await pipelined.request({ id: `meanwhile-${i}` });
      const before = mainPid();
      await kill();
      await untilReplaced(before);
      await half.wire.closed;
      for (const proxy of idle) expect((await proxy.request()).decision).toBe("allow");
      expect((await pipelined.request({ id: "after" })).decision).toBe("allow");
      expect(journal()).toContain('"pool_size":2');
      expect(journal()).toContain('"crashed":true');
      for (const { wire } of [...idle, pipelined]) wire.terminate();
    });

    test("after a crash, requests that were in flight on worker threads are refused, and none of them twice", async () => {
      const settings = machine.path("/etc/sentinel/wasm-agent.env");
      const before = readFileSync(settings, "utf8");
      writeFileSync(settings, `${before}\nWASM_DISPATCH=workers\nWASM_TIMEOUT_MS=20000\n`);
      useModule(guestPath("compute-long"));
      await restart();
      const proxy = await V2Proxy.connect(socketPath());
      expect((await proxy.request({ id: "first" })).decision).toBe("allow");
      await Bun.sleep(STORED_AFTER_MS);
      const answers = Array.from({ length: 12 }, (_, i) => proxy.request({ id: `in-flight-${i}` }));
      await answers[0];
      await kill();
      const lost = (await Promise.all(answers)).filter(({ reasonCodes }) =>
        reasonCodes.includes("event-lost"),
      );
      expect(lost.length).toBeGreaterThan(0);
      for (const { decision } of lost) expect(decision).toMatchObject({ block: { status: 500 } });
      expect((await proxy.request({ id: "after" })).decision).toBe("allow");
      expect(proxy.strays).toEqual([]);
      proxy.wire.terminate();
      writeFileSync(settings, before);
      useModule(guestPath("echo"));
      await restart();
    });

    test("a connection that the agent closes is closed for the peer, although systemd has a duplicate of it", async () => {
      const proxy = await V2Proxy.connect(socketPath());
      await proxy.request({ id: "a" });
      await Bun.sleep(STORED_AFTER_MS);
      proxy.wire.send(Buffer.from([0, 0, 0, 0]));
      await proxy.wire.closed;
    });

    test("what is stored is let go when its peer goes", async () => {
      const stored = () =>
        Number(must("systemctl", "show", "--property=NFileDescriptorStore", "--value", SERVICE));
      const before = stored();
      const proxies = await Promise.all(Array.from({ length: 5 }, () => V1Proxy.connect(socketPath())));
      for (const proxy of proxies) await proxy.request();
      await Bun.sleep(STORED_AFTER_MS);
      expect(stored()).toBe(before + 5);
      for (const proxy of proxies) proxy.wire.terminate();
      while (stored() > before) await Bun.sleep(20);
    });

    const { found } = findProxies(process.env);
    describe.skipIf(found.length === 0)("behind the real proxies", () => {
      beforeAll(async () => {
        useModule(examplePolicy("rust"));
        await restart();
      });

      describe.each(found.map((proxy) => ({ name: proxyName(proxy), proxy })))("$name", ({ proxy }) => {
        const open = () =>
          Deployment.open(proxy, {
            module: MODULE,
            agentSocket: socketPath(),
            config: { timeoutMs: 5000, agentConfig: { "pool-size": 4 } },
          });

        test.each([
          { how: "restarts", clients: 16, replace: async () => [await restart(), await restart()] },
          { how: "restarts", clients: 32, replace: async () => [await restart(), await restart()] },
          { how: "an upgrade", clients: 16, replace: upgrade },
        ])("$clients clients see nothing of $how", async ({ clients, replace }) => {
          await using deployment = await open();
          const load = new HttpLoad(deployment, clients);
          await Bun.sleep(500);
          await replace();
          const before = load.answered;
          await Bun.sleep(500);
          expect(load.answered).toBeGreaterThan(before);
          const { answered, longestMs, failures } = await load.finish();
          expect(failures).toEqual({});
          console.log(`    ${answered} requests, the longest took ${longestMs} ms`);
          must("systemctl", "reset-failed", SERVICE);
        });

        test.skipIf(proxy.traits.protocol === "v1")("traffic flows on after a crash", async () => {
          await using deployment = await open();
          const load = new HttpLoad(deployment, 16);
          await Bun.sleep(STORED_AFTER_MS);
          const before = mainPid();
          await kill();
          await untilReplaced(before);
          const { answered } = load;
          while (load.answered < answered + 100) await Bun.sleep(20);
          const report = await load.finish();
          // Only calls that were in flight can be lost.
          expect(report.failed).toBeLessThanOrEqual(16);
          console.log(`    ${report.failed} requests failed, the longest took ${report.longestMs} ms`);
        });
      });
    });

    test("a stop closes them", async () => {
      const proxy = await V2Proxy.connect(socketPath());
      await proxy.request({ id: "a" });
      await mustMeanwhile("systemctl", "stop", SERVICE);
      await proxy.wire.closed;
    });

    test("a new process that cannot serve closes them", async () => {
      await mustMeanwhile("systemctl", "start", SERVICE);
      const proxy = await V2Proxy.connect(socketPath());
      await proxy.request({ id: "a" });
      machine.run("mv", MODULE, `${MODULE}.away`);
      expect((await machine.runMeanwhile("systemctl", "restart", SERVICE)).exitCode).not.toBe(0);
      await proxy.wire.closed;
    });
  },
);
