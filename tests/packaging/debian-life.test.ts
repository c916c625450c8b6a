/**
 * The life of the Debian package on a machine with systemd: installed, started, asked, reloaded, restarted, upgraded,
 * removed, purged. One test builds on the one before, as the operator's days do. Where no such machine can be had,
 * debian-life-without-systemd.test.ts tries what is left.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };
import type { AskingReport } from "./asking-thread.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { releaseFile } from "./release-files.ts";
import { SystemdMachine } from "./systemd-machine.ts";

setDefaultTimeout(120_000);

const SERVICE = "sentinel-wasm-agent.service";
const SOCKET = "sentinel-wasm-agent.socket";
const SOCKET_PATH = "/run/sentinel/wasm-agent.sock";
const ENV_FILE = "/etc/sentinel/wasm-agent.env";
const EXAMPLE = "/usr/share/sentinel-wasm-agent/examples/policy.wasm";

const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string];
const deb = releaseFile(new RegExp(`_${architecture}\\.deb$`));
const booted = deb === null ? "bun run build --packages has not been run" : await SystemdMachine.boot();
const reason = typeof booted === "string" ? booted : null;

describe.skipIf(reason !== null)(
  `the Debian package${reason === null ? "" : ` (skipped: ${reason})`}`,
  () => {
    let machine: SystemdMachine;

    beforeAll(() => {
      machine = booted as SystemdMachine;
      copyFileSync(deb ?? "", machine.path("/tmp/agent.deb"));
    });

    afterAll(() => machine.shutDown());

    /** Runs a command that must succeed. */
    function must(...command: readonly string[]): string {
      const { exitCode, output } = machine.run(...command);
      if (exitCode !== 0) {
        const journal = machine.run("journalctl", "--no-pager", "-n", "30", "-u", SERVICE).output;
        throw new Error(`${command.join(" ")} ended with ${exitCode}: ${output}\n${journal}`);
      }
      return output;
    }

    const mainPid = () => must("systemctl", "show", "--property=MainPID", "--value", SERVICE);
    const askForAdmin = async () => {
      const proxy = await V2Proxy.connect(machine.path(SOCKET_PATH));
      const answer = await proxy.request({ uri: "/admin" });
      proxy.wire.terminate();
      return answer;
    };

    test("installs with its user and starts nothing, as there is no module yet", () => {
      must("dpkg", "--install", "/tmp/agent.deb");
      expect(must("sentinel-wasm-agent", "--version")).toBe(`sentinel-wasm-agent ${manifest.version}`);
      expect(must("id", "--user", "--name", "sentinel-wasm-agent")).toBe("sentinel-wasm-agent");
      expect(machine.run("systemctl", "is-active", SERVICE, SOCKET).output).toBe("inactive\ninactive");
      expect(machine.run("systemctl", "is-enabled", SERVICE, SOCKET).output).toBe("disabled\ndisabled");
    });

    test("has a manual page and completions where the machine looks for them", () => {
      // Images for containers of Ubuntu put man(1) aside.
      const man = existsSync(machine.path("/usr/bin/man.REAL")) ? "man.REAL" : "man";
      expect(must(man, "--pager=cat", "sentinel-wasm-agent")).toContain("--pool-size");
      const completed =
        "source /usr/share/bash-completion/completions/sentinel-wasm-agent; complete -p sentinel-wasm-agent";
      expect(must("bash", "-c", completed)).toBe("complete -F _sentinel_wasm_agent sentinel-wasm-agent");
    });

    test("says in one sentence what is missing when it is started without a module, and is not started again", () => {
      expect(machine.run("systemctl", "start", SERVICE).exitCode).not.toBe(0);
      expect(must("journalctl", "--no-pager", "-o", "cat", "-u", SERVICE)).toContain(
        "/etc/sentinel/policy.wasm",
      );
      expect(must("systemctl", "show", "--property=ExecMainStatus,NRestarts", SERVICE)).toBe(
        "NRestarts=0\nExecMainStatus=2",
      );
      must("systemctl", "reset-failed", SERVICE);
      must("systemctl", "stop", SOCKET);
    });

    test("starts with a module and answers proxies of both eras", async () => {
      must("cp", EXAMPLE, "/etc/sentinel/policy.wasm");
      must("systemctl", "enable", "--now", "sentinel-wasm-agent");
      expect(must("systemctl", "is-active", SERVICE, SOCKET)).toBe("active\nactive");
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      const older = await V1Proxy.connect(machine.path(SOCKET_PATH));
      expect(await older.request({ uri: "/admin" })).toMatchObject({ decision: { block: { status: 401 } } });
      older.wire.terminate();
    });

    test("lets the group use the socket, and nobody else", () => {
      expect(must("stat", "--format=%U %G %a", SOCKET_PATH)).toBe(
        "sentinel-wasm-agent sentinel-wasm-agent 660",
      );
    });

    test("runs as its user, with no capability and no network but its socket", () => {
      const status = readFileSync(machine.path(`/proc/${mainPid()}/status`), "utf8");
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^Seccomp:\t2$/m);
      expect(must("stat", "--format=%U", `/proc/${mainPid()}`)).toBe("sentinel-wasm-agent");
      expect(must("readlink", `/proc/${mainPid()}/ns/net`)).not.toBe(must("readlink", "/proc/1/ns/net"));
    });

    test("runs heavy modules on threads under the same restrictions", async () => {
      const settings = machine.path(ENV_FILE);
      const before = readFileSync(settings, "utf8");
      writeFileSync(settings, `${before}WASM_DISPATCH=workers\n`);
      must("systemctl", "restart", SERVICE);
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      expect(must("journalctl", "--no-pager", "-o", "cat", "-u", SERVICE)).not.toContain("thread was lost");
      writeFileSync(settings, before);
    });

    test("reloads the module in the same process", async () => {
      const before = mainPid();
      must("systemctl", "reload", SERVICE);
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      expect(mainPid()).toBe(before);
    });

    test("refuses no connection while it restarts", async () => {
      const before = mainPid();
      const refused = await refusedDuring(() => must("systemctl", "restart", SERVICE));
      expect(mainPid()).not.toBe(before);
      expect(refused).toEqual([]);
    });

    test("comes back when it is killed", async () => {
      const before = mainPid();
      must("systemctl", "kill", "--signal=KILL", "--kill-whom=main", SERVICE);
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      expect(mainPid()).not.toBe(before);
    });

    test("keeps the operator's settings and refuses no connection when it is upgraded over itself", async () => {
      writeFileSync(machine.path(ENV_FILE), "WASM_MODULE=/etc/sentinel/policy.wasm\nWASM_POOL_SIZE=2\n");
      const before = mainPid();
      const refused = await refusedDuring(() => must("dpkg", "--install", "/tmp/agent.deb"));
      expect(refused).toEqual([]);
      expect(mainPid()).not.toBe(before);
      expect(readFileSync(machine.path(ENV_FILE), "utf8")).toContain("WASM_POOL_SIZE=2");
      expect(must("systemctl", "is-enabled", SERVICE, SOCKET)).toBe("enabled\nenabled");
      expect(must("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", SERVICE)).toContain(
        '"pool_size":2',
      );
    });

    test("stops and leaves only the settings when it is removed", () => {
      must("dpkg", "--remove", "sentinel-wasm-agent");
      expect(existsSync(machine.path(SOCKET_PATH))).toBe(false);
      expect(existsSync(machine.path("/usr/bin/sentinel-wasm-agent"))).toBe(false);
      expect(existsSync(machine.path(ENV_FILE))).toBe(true);
      expect(machine.run("pgrep", "--full", "/usr/bin/sentinel-wasm-agent").exitCode).toBe(1);
    });

    test("leaves nothing but the operator's module when it is purged", () => {
      must("dpkg", "--purge", "sentinel-wasm-agent");
      expect(must("find", "/etc", "-path", "*sentinel*")).toBe("/etc/sentinel\n/etc/sentinel/policy.wasm");
      // man(1) keeps pages that somebody has read.
      const ours = ["-path", "*sentinel-wasm-agent*", "-not", "-path", "/var/cache/man/*"];
      expect(must("find", "/usr", "/var", ...ours)).toBe("");
    });

    /** Connects and asks again and again while `work` goes on, and some time before and after; which tries were refused. */
    async function refusedDuring(work: () => void): Promise<readonly string[]> {
      const thread = new Worker(new URL("./asking-thread.ts", import.meta.url).href, {
        argv: [machine.path(SOCKET_PATH)],
      });
      const nextReport = () => {
        const { promise, resolve } = Promise.withResolvers<AskingReport>();
        thread.addEventListener("message", ({ data }: MessageEvent<AskingReport>) => resolve(data), {
          once: true,
        });
        return promise;
      };
      expect((await nextReport()).answers).toBeGreaterThan(0);
      work();
      thread.postMessage("stop");
      const { answers, refused } = await nextReport();
      expect(answers).toBeGreaterThan(2);
      return refused;
    }
  },
);
