/** `--max-memory`, the call stack, and what `--no-limits` says about itself. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { isPlainAllow } from "./other-requests.ts";
import { TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

/** Grows a second memory by a page at a time until refused, and allows with the tag n-<pages of both>. */
const SECOND_MEMORY_BOMB = guestWat(`(memory $first (export "memory") 2)
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (call $allow_with_number (memory.size)))`);

async function firstTags(module: string | Uint8Array, flags: readonly string[]): Promise<readonly string[]> {
  await using agent = await HostileAgent.start({ module, flags });
  using client = await TimedClient.connect(agent.socketPath, 2);
  return (await client.ask("request")).answer.tags;
}

describe("--max-memory", () => {
  test.each([
    ["1MiB", "n-16"],
    ["192KiB", "n-3"],
    ["200000", "n-3"],
    ["128KiB", "n-2"],
  ])("%s: growth beyond it answers -1 in the guest", async (size, tag) => {
    const module = await assembleWat("page-bomb", SECOND_MEMORY_BOMB);
    expect(await firstTags(module, ["--max-memory", size])).toEqual([tag]);
  });

  test("the default is 64 MiB", async () => {
    const module = await assembleWat("page-bomb", SECOND_MEMORY_BOMB);
    expect(await firstTags(module, [])).toEqual(["n-1024"]);
  });

  test("a module that starts with more does not load", async () => {
    const { exitCode, complaints } = await HostileAgent.runToItsEnd({
      module: guestPath("counter"),
      flags: ["--max-memory", "64KiB"],
    });
    expect(exitCode).toBe(2);
    expect(complaints.join()).toEndWith(" (module-memory-too-large)");
  });
});

// The engine reserves some of it for itself, and four gigabytes for each of the first instances.
describe.skipIf(process.platform !== "linux")("in 18 GiB of address space", () => {
  const launcher = ["sh", "-c", 'ulimit -v 18874368; exec "$0" "$@"'];

  test("a pool that cannot have all its instances serves with those it has, and says why", async () => {
    const module = await assembleWat("large", guestWat(`(memory (export "memory") 992)`));
    await using agent = await HostileAgent.start({ module, flags: ["--pool-size", "256"], launcher });
    using client = await TimedClient.connect(agent.socketPath, 2);
    const complaint = () => agent.lines.find(({ level }) => level === "error");
    const giveUpAtMs = performance.now() + 30_000;
    while (complaint() === undefined && performance.now() < giveUpAtMs) {
      expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
    }
    expect(complaint()).toMatchObject({
      msg: "a spare instance could not be made; it is tried again and again",
      pool_size: 256,
      reason:
        "there is no memory for another instance of the module; lower --pool-size, or let the agent use more",
    });
    for (let i = 0; i < 20; i++) expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
  });
});

describe("the call stack", () => {
  test("a guest that uses it up fails its request, again and again, and the agent lives", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("recursion-mutual") });
    using client = await TimedClient.connect(agent.socketPath, 1);
    const codes = new Set<string>();
    for (let i = 0; i < 100; i++) codes.add((await client.ask("request")).answer.reasonCodes.join());
    // In a storm some find no instance, as crash-loop.test.ts shows.
    codes.delete("guest-no-instance");
    expect(codes).toEqual(new Set(["guest-stack-overflow"]));
    expect(await agent.stop()).toBe(0);
  });
});

describe("--no-limits", () => {
  test("serves the module as it is, and warns loudly", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags: ["--no-limits"] });
    using client = await TimedClient.connect(agent.socketPath, 2);
    expect((await client.ask("request")).answer.tags).toEqual(["n-1"]);
    expect(agent.lines.find((line) => line.level === "warn")?.msg).toBe(
      "the module runs without limits (--no-limits): an endless loop in it stops this agent for good",
    );
    expect(agent.lines.find((line) => line.msg === "ready")).toMatchObject({ limits: false });
  });

  test("with limits there is no such warning", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("allow") });
    using client = await TimedClient.connect(agent.socketPath, 2);
    expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
    expect(agent.lines.filter((line) => line.level === "warn")).toEqual([]);
    expect(agent.lines.find((line) => line.msg === "ready")).toMatchObject({ limits: true });
  });
});
