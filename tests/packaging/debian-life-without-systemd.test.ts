/**
 * The life of the Debian package on this very machine, for machines on which systemd cannot be booted aside: installed,
 * its service's command run as its service's user, asked, reloaded, upgraded, taken over, removed, purged. It runs only
 * where it is allowed to (MAY_INSTALL_PACKAGES=1), since it leaves a system user behind as the package does.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { runTool } from "./installed-tool.ts";
import { releaseFile } from "./release-files.ts";
import { SystemdMachine } from "./systemd-machine.ts";

setDefaultTimeout(120_000);

const PACKAGE = "sentinel-wasm-agent";
const UNIT = `/usr/lib/systemd/system/${PACKAGE}.service`;
const ENV_FILE = "/etc/sentinel/wasm-agent.env";
const MODULE = "/etc/sentinel/policy.wasm";
const EXAMPLE = `/usr/share/${PACKAGE}/examples/policy.wasm`;

const deb = releaseFile(
  new RegExp(`_${{ x64: "amd64", arm64: "arm64" }[process.arch as string] ?? "none"}\\.deb$`),
);
const reason = await whyNot();

describe.skipIf(reason !== null)(
  `the Debian package without systemd${reason === null ? "" : ` (skipped: ${reason})`}`,
  () => {
    let dir = "";
    let socketPath = "";
    let agent: Bun.Subprocess;

    beforeAll(() => {
      dir = mkdtempSync(join(tmpdir(), "sentinel-life-"));
      socketPath = join(dir, "agent.sock");
    });

    afterAll(() => {
      agent?.kill("SIGKILL");
      // Whatever failed on the way, the next run finds the machine as this one did.
      runTool("dpkg", "--purge", PACKAGE);
      rmSync("/etc/sentinel", { recursive: true, force: true });
      rmSync(dir, { recursive: true });
    });

    test("installs with its user", () => {
      must("dpkg", "--install", deb ?? "");
      expect(must(PACKAGE, "--version")).toBe(`${PACKAGE} ${manifest.version}\n`);
      expect(must("id", "--user", "--name", PACKAGE)).toBe(`${PACKAGE}\n`);
    });

    test("says in one sentence what is missing when it is started without a module", async () => {
      must("chown", PACKAGE, dir);
      agent = startService();
      expect(await agent.exited).toBe(2);
      expect(await new Response(agent.stderr as ReadableStream).text()).toMatch(
        /^sentinel-wasm-agent: .*\/etc\/sentinel\/policy\.wasm.*\n$/,
      );
    });

    test("starts with a module and answers proxies of both eras", async () => {
      copyFileSync(EXAMPLE, MODULE);
      agent = await startServing();
      expect(must("stat", "--format=%U", `/proc/${agent.pid}`)).toBe(`${PACKAGE}\n`);
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      const older = await V1Proxy.connect(socketPath);
      expect(await older.request({ uri: "/admin" })).toMatchObject({ decision: { block: { status: 401 } } });
      older.wire.terminate();
    });

    test("reloads the module in the same process", async () => {
      // What ExecReload= sends.
      agent.kill("SIGHUP");
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      expect(agent.exitCode).toBeNull();
    });

    test("keeps the operator's settings and serves on when it is upgraded over itself", async () => {
      writeFileSync(ENV_FILE, `WASM_MODULE=${MODULE}\nWASM_POOL_SIZE=2\n`);
      must("dpkg", "--install", deb ?? "");
      expect(readFileSync(ENV_FILE, "utf8")).toContain("WASM_POOL_SIZE=2");
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
    });

    test("takes the socket over from the program of before, which ends", async () => {
      const before = agent;
      agent = await startServing("--takeover");
      expect(await before.exited).toBe(0);
      expect(await askForAdmin()).toMatchObject({ decision: { block: { status: 401 } } });
      agent.kill("SIGTERM");
      expect(await agent.exited).toBe(0);
    });

    test("leaves only the settings when it is removed", () => {
      must("dpkg", "--remove", PACKAGE);
      expect(existsSync(`/usr/bin/${PACKAGE}`)).toBe(false);
      expect(existsSync(ENV_FILE)).toBe(true);
    });

    test("leaves nothing but the operator's module when it is purged", () => {
      must("dpkg", "--purge", PACKAGE);
      expect(must("find", "/etc", "-path", "*sentinel*").split("\n").sort()).toEqual([
        "",
        "/etc/sentinel",
        MODULE,
      ]);
    });

    /** The command of the unit under the unit's user and settings. systemd would hand it its socket; it makes its own. */
    function startService(...flags: readonly string[]): Bun.Subprocess {
      const unit = readFileSync(UNIT, "utf8");
      const command = /^ExecStart=(.+)$/m.exec(unit)?.[1] ?? "";
      const user = /^User=(.+)$/m.exec(unit)?.[1] ?? "";
      const settings = [...readFileSync(ENV_FILE, "utf8").matchAll(/^([A-Z_]+)=(.*)$/gm)];
      return Bun.spawn(
        [
          "setpriv",
          ...[`--reuid=${user}`, `--regid=${user}`, "--init-groups", "--no-new-privs"],
          ...["--", command, ...flags],
        ],
        {
          cwd: "/",
          env: {
            AGENT_SOCKET: socketPath,
            ...Object.fromEntries(settings.map(([, name = "", value = ""]) => [name, value])),
          },
          stdio: ["ignore", "ignore", "pipe"],
        },
      );
    }

    /** Resolves when it says that it is ready. */
    async function startServing(...flags: readonly string[]): Promise<Bun.Subprocess> {
      const started = startService(...flags);
      const decoder = new TextDecoder();
      let log = "";
      for await (const chunk of started.stderr as ReadableStream<Uint8Array>) {
        log += decoder.decode(chunk, { stream: true });
        if (log.includes('"msg":"ready"')) return started;
      }
      throw new Error(`the agent ended before it was ready:\n${log}`);
    }

    async function askForAdmin() {
      const proxy = await V2Proxy.connect(socketPath);
      const answer = await proxy.request({ uri: "/admin" });
      proxy.wire.terminate();
      return answer;
    }

    /** Runs a command that must succeed. */
    function must(...command: readonly [string, ...string[]]): string {
      const { exitCode, output } = runTool(...command);
      if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${output}`);
      return output;
    }
  },
);

async function whyNot(): Promise<string | null> {
  if (deb === null) return "bun run build --packages has not been run";
  if (process.env["MAY_INSTALL_PACKAGES"] !== "1") {
    return "it installs the package on this machine, which MAY_INSTALL_PACKAGES=1 allows";
  }
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = ["dpkg", "systemd-sysusers", "setpriv"].filter((program) => Bun.which(program) === null);
  if (missing.length > 0) return `it needs ${missing.join(", ")}`;
  if (existsSync("/etc/sentinel") || runTool("dpkg-query", "--status", PACKAGE).exitCode === 0) {
    return "the package is or was installed on this machine";
  }
  const booted = await SystemdMachine.boot();
  if (typeof booted === "string") return null;
  await booted.shutDown();
  return "debian-life.test.ts tries it with systemd";
}
