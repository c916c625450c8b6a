/**
 * Signals before an agent serves. What a process does with signals, and what time it has used, is read from /proc: Linux
 * only.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { assembleWat } from "../guests/assemble-guest.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { costlyStart } from "../support/costly-start.ts";
import { processorMs } from "../support/processor-time.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(30_000);

/** Starting a name space of processes is root's. */
const CAN_UNSHARE =
  Bun.which("unshare") !== null && Bun.spawnSync(["unshare", "--pid", "--fork", "true"]).success;

/** Bit 0 of the signals a process catches. */
const SIGHUP_BIT = 1n;
const SPINNING_MS = 200;

function catchesHangUp(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (BigInt(`0x${/^SigCgt:\s+(\w+)$/m.exec(status)?.[1]}`) & SIGHUP_BIT) === SIGHUP_BIT;
}

async function untilCatchesHangUp(pid: number): Promise<void> {
  while (!catchesHangUp(pid)) await Bun.sleep(1);
}

/** A start of some hundred milliseconds. */
async function slowModule(folder: TemporaryFolder): Promise<string> {
  const module = folder.file("slow-start.wasm");
  writeFileSync(module, await assembleWat("slow-start", guestWat(costlyStart(40_000_000))));
  return module;
}

async function onlyChildOf(pid: number): Promise<number> {
  for (;;) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    if (children !== "") return Number(children);
    await Bun.sleep(1);
  }
}

describe.skipIf(process.platform !== "linux")("during a start", () => {
  test("SIGHUP is answered when the agent is ready", async () => {
    using folder = temporaryFolder();
    await using agent = AgentProcess.launch({ module: await slowModule(folder) });
    await untilCatchesHangUp(agent.pid);
    expect(agent.lines).toEqual([]);
    agent.signal("SIGHUP");
    expect(await agent.line("reloaded the module")).toMatchObject({ reason: "SIGHUP" });
    expect(agent.lines.map(({ msg }) => msg)).toEqual(["ready", "reloaded the module"]);
  });

  test("SIGHUP does not end an agent that starts itself once more", async () => {
    using folder = temporaryFolder();
    await using agent = AgentProcess.launch({
      module: await slowModule(folder),
      flags: ["--isolation", "per-request"],
    });
    await untilCatchesHangUp(agent.pid);
    // Again and again, through the moment in which another program takes the process over.
    for (let i = 0; i < 100 && agent.lines.length === 0; i++) {
      agent.signal("SIGHUP");
      await Bun.sleep(1);
    }
    await agent.line("ready");
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends the agent at once, whatever its module does",
    async (signal) => {
      await using agent = AgentProcess.launch({
        module: guestPath("loop-in-initialize"),
        flags: ["--start-timeout-ms", "60000"],
      });
      while (processorMs(agent.pid) < SPINNING_MS) await Bun.sleep(5);
      agent.signal(signal);
      expect(await agent.exited).toBeNull();
      expect(agent.endedBy).toBe(signal);
      expect(existsSync(agent.socketPath)).toBe(false);
    },
  );

  test.skipIf(!CAN_UNSHARE)(
    "SIGTERM to the first process of a container, which the kernel would drop, is answered after the start",
    async () => {
      using folder = temporaryFolder();
      const launcher = ["unshare", "--pid", "--fork", "--kill-child"];
      await using outer = AgentProcess.launch({ module: await slowModule(folder), launcher });
      const inner = await onlyChildOf(outer.pid);
      await untilCatchesHangUp(inner);
      process.kill(inner, "SIGTERM");
      expect(await outer.exited).toBe(0);
      const messages = outer.lines.map(({ msg }) => msg);
      expect(messages).toContain("stopping");
      expect(messages.at(-1)).toBe("stopped");
    },
  );
});
