/**
 * A machine with systemd for trying packages on: it looks like this one, and nothing done to it is seen outside. Needs
 * root on Linux, and systemd installed; it need not be what runs this machine.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export interface CommandResult {
  readonly exitCode: number;
  /** Both streams, without the space around them. */
  readonly output: string;
}

const SCRIPT = join(import.meta.dir, "systemd-machine.sh");
const PROJECT = resolve(import.meta.dir, "../..");
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" };
const BOOT_TIMEOUT_MS = 60_000;
const NEW_WORLD = 'exec unshare --pid --fork --mount --uts --ipc --cgroup --net --kill-child bash "$@"';

export class SystemdMachine {
  readonly #outer: Bun.Subprocess;
  readonly #initPid: number;
  readonly #scratch: string;
  readonly #cgroup: string | null;

  private constructor(outer: Bun.Subprocess, initPid: number, scratch: string, cgroup: string | null) {
    this.#outer = outer;
    this.#initPid = initPid;
    this.#scratch = scratch;
    this.#cgroup = cgroup;
  }

  /** A machine that is up, or why none can be had here. */
  static async boot(): Promise<SystemdMachine | string> {
    const lacking = SystemdMachine.#whatIsLacking();
    return lacking ?? (await SystemdMachine.#start());
  }

  static #whatIsLacking(): string | null {
    if (process.platform !== "linux") return "it needs Linux";
    if (process.getuid?.() !== 0) return "it needs root";
    const programs = ["unshare", "nsenter", "pivot_root", "systemctl", "dpkg"];
    const missing = programs.filter((program) => Bun.which(program) === null);
    if (!existsSync("/lib/systemd/systemd")) missing.push("systemd");
    return missing.length === 0 ? null : `it needs ${missing.join(", ")}`;
  }

  static async #start(): Promise<SystemdMachine | string> {
    const scratch = mkdtempSync(join(tmpdir(), "sentinel-machine-"));
    const cgroup = makeCgroup(`sentinel-machine-${process.pid}`);
    const enterCgroup = cgroup === null ? "" : `echo $$ > '${cgroup}/cgroup.procs' && `;
    const outer = Bun.spawn(["bash", "-c", enterCgroup + NEW_WORLD, "bash", SCRIPT, scratch, PROJECT], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const deadlineMs = performance.now() + BOOT_TIMEOUT_MS;
    while (performance.now() < deadlineMs && outer.exitCode === null) {
      const initPid = childOf(outer.pid);
      if (initPid !== null) {
        const machine = new SystemdMachine(outer, initPid, scratch, cgroup);
        const state = machine.run("systemctl", "is-system-running").output;
        if (state === "running" || state === "degraded") return machine;
      }
      await Bun.sleep(100);
    }
    outer.kill("SIGKILL");
    const said = await Promise.all([outer.stdout, outer.stderr].map((stream) => new Response(stream).text()));
    await outer.exited;
    rmSync(scratch, { recursive: true, force: true });
    if (cgroup !== null) removeCgroup(cgroup);
    const lastWords = said.join("").trim().split("\n").at(-1) || "it said nothing";
    return `systemd does not come up in name spaces of its own: ${lastWords}`;
  }

  /** A path inside, as it can be opened from outside. */
  path(inside: string): string {
    return `/proc/${this.#initPid}/root${inside}`;
  }

  run(...command: readonly string[]): CommandResult {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      ["nsenter", "--target", String(this.#initPid), "--all", "--", ...command],
      { env: ENVIRONMENT, stdin: "ignore" },
    );
    return { exitCode, output: `${stdout.toString()}${stderr.toString()}`.trim() };
  }

  /** As `run`, while the test goes on. */
  async runMeanwhile(...command: readonly string[]): Promise<CommandResult> {
    const child = Bun.spawn(["nsenter", "--target", String(this.#initPid), "--all", "--", ...command], {
      env: ENVIRONMENT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
    return { exitCode: await child.exited, output: said.join("").trim() };
  }

  async shutDown(): Promise<void> {
    this.#outer.kill("SIGKILL");
    await this.#outer.exited;
    while (existsSync(`/proc/${this.#initPid}`)) await Bun.sleep(20);
    rmSync(this.#scratch, { recursive: true, force: true });
    if (this.#cgroup !== null) removeCgroup(this.#cgroup);
  }
}

/** The process that unshare(1) started: the first one of the new world. */
function childOf(pid: number): number | null {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    return child === undefined || child === "" ? null : Number(child);
  } catch {
    return null;
  }
}

/** A branch of the control groups for the machine, so that it leaves those of this one alone. Null where none can be made. */
function makeCgroup(name: string): string | null {
  const root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((dir) => existsSync(`${dir}/cgroup.procs`));
  if (root === undefined) return null;
  const path = join(root, name);
  try {
    mkdirSync(path, { recursive: true });
    return path;
  } catch {
    return null;
  }
}

function removeCgroup(path: string): void {
  Bun.spawnSync(["find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
}
