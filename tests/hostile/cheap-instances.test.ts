/**
 * The self-test of src/agent/cheap-instances.ts: where many instances are needed the process starts itself once more, as
 * the same process, and instances no longer reserve gigabytes of address space each.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { commandLineOf } from "../../src/agent/cheap-instances.ts";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { listenOn } from "../support/listening-socket.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const isLinux = process.platform === "linux";
const VARIABLE = "BUN_JSC_useWasmFaultSignalHandler";
const PER_REQUEST = ["--isolation", "per-request", "--pool-size", "4"];
const KIB_PER_GIB = 1024 * 1024;
/** More than a process without instances has, less than four guarded memories need. */
const RESERVED_KIB = 10 * KIB_PER_GIB;

function environmentOf(agent: HostileAgent): string[] {
  return readFileSync(`/proc/${agent.pid}/environ`, "utf8").split("\0");
}

describe("the command line of the second start", () => {
  test("repeats the runtime's own options and the script", () => {
    expect(
      commandLineOf({
        isExecutable: false,
        argv0: "bun",
        execArgv: ["--smol"],
        argv: ["bun", "main.ts", "--module", "a b.wasm"],
      }),
    ).toEqual(["bun", "--smol", "main.ts", "--module", "a b.wasm"]);
  });

  test("of a compiled executable has its arguments alone", () => {
    expect(
      commandLineOf({
        isExecutable: true,
        argv0: "./agent",
        execArgv: [],
        argv: ["bun", "/$bunfs/agent", "--module", "a.wasm"],
      }),
    ).toEqual(["./agent", "--module", "a.wasm"]);
  });
});

// What a process has in its environment and its address space is read from /proc.
describe.skipIf(!isLinux)("a process that needs many instances", () => {
  test("restarts the process as itself, and every request gets an instance that reserves nothing", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags: PER_REQUEST });
    // The process that was started still is the one that serves.
    expect(environmentOf(agent)).toContain(`${VARIABLE}=0`);
    using client = await TimedClient.connect(agent.socketPath, 2);
    for (let i = 0; i < 20; i++) expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    expect(agent.statusKib("VmSize")).toBeLessThan(RESERVED_KIB);
    expect(agent.lines.filter((line) => line.msg === "ready")).toHaveLength(1);
    expect(await agent.stop()).toBe(0);
  });

  test("opens a recording once", async () => {
    using folder = temporaryFolder();
    const flags = ["--recycle-after", "10", "--record", folder.file("events.jsonl")];
    await using agent = await AgentProcess.start({ module: guestPath("counter"), flags });
    expect(agent.lines.filter((line) => line.msg === "recording events")).toHaveLength(1);
    expect(agent.complaints).toEqual([]);
  });

  test("does not restart when its module is a descriptor that would be closed", async () => {
    await using agent = await AgentProcess.start({
      module: "/dev/fd/9",
      launcher: ["sh", "-c", `exec "$0" "$@" 9<${guestPath("counter")}`],
      flags: ["--recycle-after", "10"],
    });
    using client = await TimedClient.connect(agent.socketPath, 2);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
  });

  test("respects a choice that was made in the environment", async () => {
    const env = { [VARIABLE]: "1" };
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags: PER_REQUEST, env });
    expect(environmentOf(agent)).toContain(`${VARIABLE}=1`);
    using client = await TimedClient.connect(agent.socketPath, 2);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    // All four are there a moment after the start.
    const giveUpAtMs = performance.now() + 10_000;
    while (agent.statusKib("VmSize") <= RESERVED_KIB && performance.now() < giveUpAtMs) await Bun.sleep(5);
    expect(agent.statusKib("VmSize")).toBeGreaterThan(RESERVED_KIB);
  });

  test("keeps a socket that the service manager has passed on", async () => {
    using folder = temporaryFolder();
    const passed = folder.file("passed.sock");
    using listening = await listenOn(passed);
    await using agent = await HostileAgent.start({
      module: guestPath("counter"),
      flags: PER_REQUEST,
      launcher: ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'],
      inheritedFd: listening.fd,
    });
    expect(environmentOf(agent)).toContain(`${VARIABLE}=0`);
    using client = await TimedClient.connect(passed, 1);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
  });

  test("is one that replaces them after few calls", async () => {
    const flags = ["--recycle-after", "1000"];
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags });
    expect(environmentOf(agent)).toContain(`${VARIABLE}=0`);
    using client = await TimedClient.connect(agent.socketPath, 2);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
  });

  test.each([
    ["shares them", []],
    ["replaces them after many calls", ["--recycle-after", "1001"]],
  ])("is none that %s", async (_how, flags) => {
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags });
    expect(environmentOf(agent).some((entry) => entry.startsWith(VARIABLE))).toBe(false);
  });
});
