/**
 * The self-test of src/agent/cheap-instances.ts: where many instances are needed the process starts itself once more, as
 * the same process, and the engine keeps more guarded memories than its usual eight.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { commandLineOf } from "../../src/os/second-start.ts";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { listenOn } from "../support/listening-socket.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const isLinux = process.platform === "linux";
const VARIABLE = "BUN_JSC_maxNumWasmFastMemories";
const PER_REQUEST = ["--isolation", "per-request", "--pool-size", "4"];
const KIB_PER_GIB = 1024 * 1024;
/** More than a process needs for the eight guarded memories that the engine keeps by itself, at 4 GiB each. */
const MORE_THAN_EIGHT_KIB = 50 * KIB_PER_GIB;
/** The garbage of so many instances would need more, if the engine kept it. */
const MOST_REQUESTS = 2000;

function environmentOf(agent: HostileAgent): string[] {
  return readFileSync(`/proc/${agent.pid}/environ`, "utf8").split("\0");
}

/** Asks until the engine keeps more than eight memories, or often enough to be sure that it does not. */
async function keepsMoreMemories(agent: HostileAgent): Promise<boolean> {
  using client = await TimedClient.connect(agent.socketPath, 2);
  for (let i = 0; i < MOST_REQUESTS; i++) {
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    if (agent.statusKib("VmSize") > MORE_THAN_EIGHT_KIB) return true;
  }
  return false;
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
  test("restarts the process as itself, and the engine keeps more memories than by itself", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags: PER_REQUEST });
    // The process that was started still is the one that serves.
    expect(environmentOf(agent)).toContain(`${VARIABLE}=128`);
    expect(await keepsMoreMemories(agent)).toBe(true);
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
    const env = { [VARIABLE]: "6" };
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags: PER_REQUEST, env });
    expect(environmentOf(agent)).toContain(`${VARIABLE}=6`);
    expect(await keepsMoreMemories(agent)).toBe(false);
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
    expect(environmentOf(agent)).toContain(`${VARIABLE}=128`);
    using client = await TimedClient.connect(passed, 1);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
  });

  test("is one that replaces them after few calls", async () => {
    const flags = ["--recycle-after", "1000"];
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags });
    expect(environmentOf(agent)).toContain(`${VARIABLE}=128`);
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
