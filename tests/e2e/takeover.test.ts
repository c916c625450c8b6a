import { describe, expect, test } from "bun:test";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";

interface Tally {
  answered: number;
  /** Questions whose connection was closed under them; each was asked again elsewhere. */
  askedAgain: number;
  /** Connections that could not be opened: must stay 0. */
  refused: number;
}

type Connect = () => Promise<{ ask(id: string): Promise<unknown> }>;

/** Asks one question after the other until `isOver`, on a new connection whenever the last one was closed. */
async function keepAsking(connect: Connect, isOver: () => boolean, tally: Tally): Promise<void> {
  let proxy = await connect();
  for (let i = 0; !isOver(); i++) {
    for (let tries = 0; ; tries++) {
      try {
        await proxy.ask(`id-${i}-${tries}`);
        tally.answered++;
        break;
      } catch {
        tally.askedAgain++;
        proxy = await connect().catch((error: unknown) => {
          tally.refused++;
          throw error;
        });
      }
    }
    await Bun.sleep(3);
  }
}

describe.each([1, 2] as const)("taking over from a running agent, protocol v%i", (protocol) => {
  test("refuses no connection, answers every question, and ends the old agent with 0", async () => {
    await using old = await AgentProcess.start({ module: guestPath("constant") });
    const connect: Connect = async () => {
      if (protocol === 1) {
        const proxy = await V1Proxy.connect(old.socketPath);
        return { ask: () => proxy.request() };
      }
      const proxy = await V2Proxy.connect(old.socketPath);
      const closed = proxy.wire.closed.then(() => {
        throw new Error("the connection was closed");
      });
      // Nobody may be asking when it closes.
      closed.catch(() => {});
      return {
        ask: (id) => {
          const answer = proxy.request({ id });
          answer.catch(() => {});
          return Promise.race([answer, closed]);
        },
      };
    };
    const tally: Tally = { answered: 0, askedAgain: 0, refused: 0 };
    let isOver = false;
    const clients = Array.from({ length: 8 }, () => keepAsking(connect, () => isOver, tally));
    await Bun.sleep(300);
    const before = tally.answered;

    await using successor = await AgentProcess.start({
      module: guestPath("constant"),
      socketPath: old.socketPath,
      flags: ["--takeover"],
    });
    expect(await old.exited).toBe(0);
    const atHandover = tally.answered;
    await Bun.sleep(300);
    isOver = true;
    await Promise.all(clients);

    expect(tally.refused).toBe(0);
    expect(before).toBeGreaterThan(0);
    expect(atHandover).toBeGreaterThan(before);
    expect(tally.answered).toBeGreaterThan(atHandover);
    // The protocols know no goodbye: a question can cross the close of its connection, once a connection.
    expect(tally.askedAgain).toBeLessThanOrEqual(2 * clients.length);
    expect(old.lines.some((line) => line["reason"] === "another agent took over the socket")).toBe(true);
    successor.signal("SIGTERM");
    expect(await successor.exited).toBe(0);
  });
});

test("without --takeover a live agent's path is refused, and the live agent goes on", async () => {
  await using old = await AgentProcess.start({ module: guestPath("constant") });
  await using second = AgentProcess.launch({ module: guestPath("constant"), socketPath: old.socketPath });
  expect(await second.exited).toBe(2);
  expect(second.complaints.join("\n")).toContain("another process is listening on");
  const proxy = await V2Proxy.connect(old.socketPath);
  expect((await proxy.request({ id: "still-here" })).decision).toBe("allow");
});
