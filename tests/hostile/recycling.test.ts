/** Instances that are replaced between requests: after so many calls, beyond so much memory, or after every request. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { guestPath } from "../guests/guest-path.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { type Protocol, TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

/** The tags of so many requests, asked one after the other. */
async function tagsOf(socketPath: string, count: number, protocol: Protocol = 1): Promise<string[]> {
  using client = await TimedClient.connect(socketPath, protocol);
  const tags: string[] = [];
  for (let i = 0; i < count; i++) tags.push((await client.ask("request")).answer.tags.join());
  return tags;
}

describe("--recycle-after", () => {
  test.each(["1", "4"])(
    "an instance is replaced when it has served, with --pool-size %s",
    async (poolSize) => {
      await using agent = await HostileAgent.start({
        module: guestPath("counter"),
        flags: ["--recycle-after", "3", "--pool-size", poolSize],
      });
      expect(await tagsOf(agent.socketPath, 7)).toEqual(["n-1", "n-2", "n-3", "n-1", "n-2", "n-3", "n-1"]);
    },
  );

  test("an instance is never replaced without it", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("counter") });
    expect((await tagsOf(agent.socketPath, 300)).at(-1)).toBe("n-300");
  });
});

describe("--recycle-memory", () => {
  test("an instance is replaced when its memory has grown so far", async () => {
    // Two pages at the start, one more with every event: 320 KiB are five pages.
    await using agent = await HostileAgent.start({
      module: guestPath("memory-growth"),
      flags: ["--recycle-memory", "320KiB"],
    });
    expect(await tagsOf(agent.socketPath, 7)).toEqual(["n-3", "n-4", "n-5", "n-3", "n-4", "n-5", "n-3"]);
  });
});

describe("--isolation per-request", () => {
  test.each(["auto", "inline", "workers"])(
    "no request meets the state of another, with --dispatch %s",
    async (dispatch) => {
      await using agent = await HostileAgent.start({
        module: guestPath("counter"),
        flags: ["--isolation", "per-request", "--dispatch", dispatch, "--pool-size", "2"],
      });
      const tags = await Promise.all(
        ([1, 2] as const).flatMap((protocol) => [1, 2, 3].map(() => tagsOf(agent.socketPath, 200, protocol))),
      );
      expect(new Set(tags.flat())).toEqual(new Set(["n-1"]));
    },
  );

  test("a guest that leaks all its memory never runs out of it", async () => {
    await using agent = await HostileAgent.start({
      module: guestPath("memory-bomb"),
      flags: ["--isolation", "per-request", "--max-memory", "1MiB"],
    });
    expect(new Set(await tagsOf(agent.socketPath, 100))).toEqual(new Set(["n-2"]));
  });
});
