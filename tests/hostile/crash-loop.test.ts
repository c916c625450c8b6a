/**
 * Guests that break with every event: what their agent costs meanwhile, how it answers, and how it recovers
 * (src/ring/refill-budget.ts).
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { costlyStart } from "../support/costly-start.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { guardedGuest, POISON_PADDING } from "./guarded-guest.ts";
import { otherRequestsDuring, isPlainAllow } from "./other-requests.ts";
import { type Protocol, TimedClient, type TimedAnswer } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const STORM_MS = 2000;
/** Every client asks this often, whatever comes back. */
const EVERY_MS = 10;
const CLIENTS_PER_PROTOCOL = 2;
const ANSWERED_WITHIN_MS = 1500;
/** Half of a thread for new instances, and what answering and compiling take. Refilled at will, it is all there is, and more. */
const MAX_CPU_SHARE = 0.97;

/** Its start takes some ten milliseconds, and its handlers trap: refilled at will, it would take all there is. */
const COSTLY_AND_BROKEN =
  guestWat(`${costlyStart(1_650_000)}(func $handle (param $pointer i32) (param $length i32) (result i64)
  (unreachable))`);

async function storm(socketPath: string, protocol: Protocol): Promise<TimedAnswer[]> {
  using client = await TimedClient.connect(socketPath, protocol);
  const answers: TimedAnswer[] = [];
  const endAtMs = performance.now() + STORM_MS;
  while (performance.now() < endAtMs) {
    const next = Bun.sleep(EVERY_MS);
    answers.push(await client.ask("request"));
    await next;
  }
  return answers;
}

function stormOfAll(socketPath: string): Promise<TimedAnswer[]> {
  const clients = ([1, 2] as const).flatMap((protocol) =>
    Array.from({ length: CLIENTS_PER_PROTOCOL }, () => storm(socketPath, protocol)),
  );
  return Promise.all(clients).then((answers) => answers.flat());
}

function codesOf(answers: readonly TimedAnswer[]): Set<string> {
  return new Set(answers.map(({ answer }) => answer.reasonCodes.join()));
}

describe("a guest that traps with every event, under load", () => {
  test("every request is answered by the fail policy, new instances get half of the thread at most, and a good module ends it all", async () => {
    const module = await assembleWat("costly", COSTLY_AND_BROKEN);
    await using agent = await HostileAgent.start({
      module,
      flags: ["--pool-size", "4", "--dispatch", "inline"],
    });
    const cpuBeforeMs = agent.cpuMs();
    const answers = await stormOfAll(agent.socketPath);
    const cpuShare = (agent.cpuMs() - cpuBeforeMs) / STORM_MS;

    expect(answers.length).toBeGreaterThan(100);
    expect(codesOf(answers)).toEqual(new Set(["guest-trap", "guest-no-instance"]));
    for (const { answer, ms } of answers) {
      expect(answer.decision).toEqual({ block: { status: 500, body: "Wasm Error", headers: {} } });
      expect(ms).toBeLessThan(ANSWERED_WITHIN_MS);
    }
    expect(cpuShare).toBeLessThan(MAX_CPU_SHARE);
    const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
    process.stdout.write(
      `${answers.length} answers, median ${times[times.length >> 1]?.toFixed(2)} ms, slowest ${times.at(-1)?.toFixed(1)} ms, ${(cpuShare * 100).toFixed(0)} % of a processor\n`,
    );

    agent.replaceModule(guestPath("allow"));
    expect(await agent.reload()).toMatchObject({ msg: "reloaded the module" });
    for (const protocol of [1, 2] as const) {
      using client = await TimedClient.connect(agent.socketPath, protocol);
      for (let i = 0; i < 20; i++) expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
    }
  });

  test("in worker threads it is the same", async () => {
    const flags = ["--pool-size", "2", "--dispatch", "workers", "--fail-open"];
    await using agent = await HostileAgent.start({ module: guestPath("trap"), flags });
    const answers = await stormOfAll(agent.socketPath);
    for (const { answer, ms } of answers) {
      expect(answer).toMatchObject({ decision: "allow", tags: ["wasm-error", "fail-open"] });
      expect(ms).toBeLessThan(ANSWERED_WITHIN_MS);
    }
    expect([...codesOf(answers)]).toContain("guest-trap");

    agent.replaceModule(guestPath("allow"));
    await agent.reload();
    using client = await TimedClient.connect(agent.socketPath, 2);
    expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
  });
});

describe("guests that loop for ever", () => {
  test("in all threads at once hold up nobody else", async () => {
    const flags = ["--pool-size", "2", "--timeout-ms", "500"];
    await using agent = await HostileAgent.start({ module: await guardedGuest("loop"), flags });
    using hostile = await TimedClient.connect(agent.socketPath, 2);
    const poison = Promise.all(
      Array.from({ length: 4 }, () => hostile.ask("request", { padding: POISON_PADDING })),
    );
    const others = await otherRequestsDuring(agent.socketPath, 1000, poison);
    expect(others.wrong).toEqual([]);
    expect(others.slowestMs).toBeLessThan(ANSWERED_WITHIN_MS);
    process.stdout.write(`${others.answered} others, the slowest took ${others.slowestMs.toFixed(1)} ms\n`);
  });
});

describe("while no instance is sound", () => {
  test("requests are answered at once instead of waiting for a new one", async () => {
    const module = await assembleWat("costly", COSTLY_AND_BROKEN);
    await using agent = await HostileAgent.start({
      module,
      flags: ["--pool-size", "1", "--dispatch", "inline"],
    });
    using client = await TimedClient.connect(agent.socketPath, 2);
    // A burst on one connection uses up the budget; whatever comes then finds nothing.
    const answers = await Promise.all(Array.from({ length: 200 }, () => client.ask("request")));
    const turnedAway = answers.filter(({ answer }) => answer.reasonCodes.includes("guest-no-instance"));
    expect(turnedAway.length).toBeGreaterThan(100);
    for (const { ms } of turnedAway) expect(ms).toBeLessThan(ANSWERED_WITHIN_MS);
  });
});

describe("after a trap", () => {
  test.each([1, 2] as const)(
    "the next request is decided by a new instance, on v%i with --pool-size 1",
    async (protocol) => {
      await using agent = await HostileAgent.start({
        module: await guardedGuest("trap"),
        flags: ["--pool-size", "1"],
      });
      using client = await TimedClient.connect(agent.socketPath, protocol);
      for (let i = 0; i < 50; i++) {
        const bad = await client.ask("request", { padding: POISON_PADDING });
        expect(bad.answer.reasonCodes).toEqual(["guest-trap"]);
        const good = await client.ask("request");
        expect(isPlainAllow(good.answer)).toBe(true);
      }
    },
  );
});
