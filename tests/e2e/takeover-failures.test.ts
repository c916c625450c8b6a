/** Take-overs that fail: the running agent goes on as if nothing had happened, and nobody else gets what is its own. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HANDOVER_VERSION } from "../../src/agent/takeover/handover-message.ts";
import { handoverPath, inodeOf } from "../../src/transport/uds/socket-path.ts";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { v2Frame } from "../support/frames.ts";
import { HalfTaker, HELLO } from "../support/half-taker.ts";
import { requestHeaders, Type } from "../support/proxy-messages.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

const IS_LINUX = process.platform === "linux";
const IS_ROOT = process.getuid?.() === 0;
/** Nobody's files are theirs. */
const OTHER_UID = "65534";
const ECHO = guestPath("echo");
const SERVES_ON = "a new agent could not take over; this one serves on";

const STEPS = ["hello", "prepare", "next", "prepared"] as const;

/** Takes the first `count` steps. */
async function takeSteps(taker: HalfTaker, count: number): Promise<Record<string, unknown> | null> {
  let reply: Record<string, unknown> | null = null;
  for (const type of STEPS.slice(0, count)) reply = await taker.say(type === "hello" ? HELLO : { type });
  return reply;
}

describe.skipIf(!IS_LINUX)("a new agent that vanishes", () => {
  test.each(STEPS.map((step, i) => ({ step, count: i + 1 })))(
    "after the answer to its $step leaves everything to the running one",
    async ({ count }) => {
      await using agent = await AgentProcess.start({ module: ECHO });
      const clients = await Promise.all(
        ([1, 2] as const).map((protocol) =>
          SteadyClient.connect(agent.socketPath, { protocol, name: `v${protocol}` }),
        ),
      );
      const half = await V2Proxy.connect(agent.socketPath);
      const frame = v2Frame(Type.requestHeaders, requestHeaders({ id: "half" }));
      half.wire.send(frame.subarray(0, 30));
      for (let attempt = 0; attempt < 3; attempt++) {
        using taker = new HalfTaker(agent.socketPath);
        expect(await takeSteps(taker, count)).not.toBeNull();
      }
      if (count > 1) await agent.line(SERVES_ON);
      const answered = clients.map((client) => client.answered);
      await Bun.sleep(50);
      for (const [i, client] of clients.entries()) {
        expect(await client.finish()).toEqual([]);
        expect(client.answered).toBeGreaterThan(answered[i]!);
      }
      // A frame that had begun, and connections that are opened afterwards.
      const pong = half.ping("");
      half.wire.send(frame.subarray(30));
      await Promise.race([pong, half.wire.closed]);
      const fresh = await V2Proxy.connect(agent.socketPath);
      expect((await fresh.request({ id: "fresh" })).decision).toBe("allow");
      expect(agent.lines.filter(({ msg }) => msg === "stopping")).toEqual([]);
    },
  );

  test("and says nothing for five seconds is not waited for any longer", async () => {
    await using agent = await AgentProcess.start({ module: ECHO });
    const proxy = await V2Proxy.connect(agent.socketPath);
    using taker = new HalfTaker(agent.socketPath);
    await takeSteps(taker, 2);
    const answer = proxy.request({ id: "waits" });
    expect(await taker.reply()).toMatchObject({ type: "refused", code: "failed" });
    expect((await answer).decision).toBe("allow");
  });

  test("with its confirmation unsaid at the last step is out for good", async () => {
    await using agent = await AgentProcess.start({ module: ECHO });
    const proxy = await V2Proxy.connect(agent.socketPath);
    using taker = new HalfTaker(agent.socketPath);
    expect(await takeSteps(taker, 4)).toEqual({ type: "commit" });
    await agent.line(SERVES_ON);
    // Too late: the running agent has taken everything back, and it knows that nothing can come any more.
    expect(() => taker.tell({ type: "committed" })).toThrow("EPIPE");
    expect((await proxy.request({ id: "mine" })).decision).toBe("allow");
  });
});

describe.skipIf(!IS_LINUX)("a new agent that cannot serve", () => {
  test("because its module refuses the configuration says so, and the running one goes on", async () => {
    await using old = await AgentProcess.start({ module: guestPath("configure-accept") });
    const proxy = await V2Proxy.connect(old.socketPath);
    await proxy.configure({ key: "value" });
    await using refusing = AgentProcess.launch({
      module: guestPath("configure-refuse"),
      socketPath: old.socketPath,
      flags: ["--takeover"],
    });
    expect(await refusing.exited).toBe(2);
    expect(refusing.complaints.join("\n")).toContain("the module refuses the proxy's configuration");
    expect((await proxy.request({ id: "after" })).decision).toBe("allow");
  });

  test("because it may not open so many files says so, and the running one goes on", async () => {
    await using old = await AgentProcess.start({ module: ECHO });
    const proxies = await Promise.all(Array.from({ length: 100 }, () => V2Proxy.connect(old.socketPath)));
    await using poor = AgentProcess.launch({
      module: ECHO,
      socketPath: old.socketPath,
      flags: ["--takeover"],
      launcher: ["sh", "-c", 'ulimit -n 60; exec "$0" "$@"'],
    });
    expect(await poor.exited).toBe(2);
    expect(poor.complaints.join("\n")).toMatch(/limit of open files .*\(socket-takeover-failed\)/);
    for (const proxy of proxies) expect((await proxy.request({ id: "after" })).decision).toBe("allow");
  });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "because of %s at whatever moment leaves everything to the running one",
    async (signal) => {
      await using old = await AgentProcess.start({ module: ECHO });
      const proxy = await V2Proxy.connect(old.socketPath);
      for (let round = 0; round < 12; round++) {
        await using next = AgentProcess.launch({
          module: ECHO,
          socketPath: old.socketPath,
          flags: ["--takeover"],
        });
        await Bun.sleep(5 + round * 4);
        next.signal(signal);
        await next.exited;
        if (next.lines.some(({ msg }) => msg === "took over from the running agent")) return;
        // Killed after it confirmed and before it said so: the running one has ended, and nobody serves.
        if (old.lines.some(({ msg }) => msg === "handed over to a new agent")) return;
        expect((await proxy.request({ id: `round-${round}` })).decision).toBe("allow");
      }
    },
  );

  test("because it is stopped in the middle is not waited for", async () => {
    await using old = await AgentProcess.start({ module: ECHO });
    const client = await SteadyClient.connect(old.socketPath, { protocol: 2, inFlight: 4, name: "c" });
    await using frozen = AgentProcess.launch({
      module: ECHO,
      socketPath: old.socketPath,
      flags: ["--takeover"],
    });
    while (client.answered === 0) await Bun.sleep(1);
    frozen.signal("SIGSTOP");
    const before = client.answered;
    await Bun.sleep(200);
    await using next = await AgentProcess.start({
      module: ECHO,
      socketPath: old.socketPath,
      flags: ["--takeover"],
    });
    expect(await old.exited).toBe(0);
    await Bun.sleep(50);
    expect(await client.finish()).toEqual([]);
    expect(client.answered).toBeGreaterThan(before);
    expect(await next.line("took over from the running agent")).toMatchObject({ connections: 1 });
    frozen.signal("SIGKILL");
    await frozen.exited;
  });
});

describe.skipIf(!IS_LINUX)("the running agent", () => {
  test("that is asked to stop in the middle of a hand-over takes it back and stops as ever", async () => {
    await using agent = await AgentProcess.start({ module: ECHO });
    const proxy = await V2Proxy.connect(agent.socketPath);
    using taker = new HalfTaker(agent.socketPath);
    await takeSteps(taker, 3);
    const answer = proxy.request({ id: "asked before it stops" });
    agent.signal("SIGTERM");
    expect((await answer).decision).toBe("allow");
    expect(await agent.exited).toBe(0);
    expect(await taker.reply()).toMatchObject({ type: "refused" });
    expect(readdirSync(agent.folder.path)).toEqual([]);
  });

  test("leaves the name of the private socket alone once it has handed over: the new agent takes it in that moment", async () => {
    await using agent = await AgentProcess.start({ module: ECHO, flags: ["--admin-socket", "none"] });
    using taker = new HalfTaker(agent.socketPath);
    await takeSteps(taker, 4);
    const names = () => readdirSync(agent.folder.path).toSorted();
    const before = names();
    taker.tell({ type: "committed" });
    expect(await agent.exited).toBe(0);
    expect(names()).toEqual(before);
  });

  test("hands over to one at a time; the other waits", async () => {
    await using agent = await AgentProcess.start({ module: ECHO });
    const client = await SteadyClient.connect(agent.socketPath, { protocol: 2, inFlight: 4, name: "c" });
    const flags = ["--takeover"];
    const launch = () => AgentProcess.launch({ module: ECHO, socketPath: agent.socketPath, flags });
    await using one = launch();
    await using two = launch();
    await using three = launch();
    const newcomers = [one, two, three];
    const ends = newcomers.map(async (next) => ({ next, code: await next.exited }));
    expect(await agent.exited).toBe(0);
    // Whoever was not the last has been replaced in turn, or has given up while another one was at it.
    const [first, second] = await Promise.all([Promise.race(ends), Promise.race(ends.toReversed())]);
    expect([0, 2]).toContain(first?.code ?? -1);
    expect([0, 2]).toContain(second?.code ?? -1);
    await Bun.sleep(300);
    expect(await client.finish()).toEqual([]);
  });

  test("refuses a hand-over by rules it does not know", async () => {
    await using agent = await AgentProcess.start({ module: ECHO });
    using taker = new HalfTaker(agent.socketPath);
    expect(await taker.say({ ...HELLO, handover: HANDOVER_VERSION + 1 } as typeof HELLO)).toMatchObject({
      type: "refused",
      code: "version",
    });
  });

  test.each([
    ["no message", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a message out of turn", Buffer.from('{"type":"prepared"}\n')],
    ["a line without end", Buffer.alloc(60_000, "x")],
    ["many lines at once", Buffer.from('{"type":"prepare"}\n'.repeat(500))],
    ["bytes that are no text", Buffer.from("\xff\x00\n\n\n", "latin1")],
  ])("hangs up on %s", async (_what, bytes) => {
    await using agent = await AgentProcess.start({ module: ECHO });
    using taker = new HalfTaker(agent.socketPath);
    expect(await taker.say(bytes)).toBeNull();
    expect(taker.descriptors).toEqual([]);
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect((await proxy.request({ id: "after" })).decision).toBe("allow");
  });

  test("leaves nothing behind that keeps a next one from serving when it is killed", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    {
      await using killed = await AgentProcess.start({ module: ECHO, socketPath });
      killed.signal("SIGKILL");
      await killed.exited;
    }
    // The socket, the one for a hand-over, and that of the admin endpoint.
    expect(readdirSync(folder.path)).toHaveLength(3);
    await using next = await AgentProcess.start({ module: ECHO, socketPath, flags: ["--takeover"] });
    expect(readdirSync(folder.path)).toHaveLength(3);
    const proxy = await V2Proxy.connect(socketPath);
    expect((await proxy.request({ id: "a" })).decision).toBe("allow");
    next.signal("SIGTERM");
    expect(await next.exited).toBe(0);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

test.skipIf(!IS_LINUX)(
  "a running agent that hangs up instead of greeting keeps its connections, and the new one ends",
  async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    const socket = { data() {} };
    const running = Bun.listen({ unix: socketPath, socket });
    const unable = Bun.listen({
      unix: handoverPath(socketPath, inodeOf(socketPath)!),
      socket: { data: (peer) => void peer.end() },
    });
    try {
      await using next = AgentProcess.launch({ module: ECHO, socketPath, flags: ["--takeover"] });
      expect(await next.exited).toBe(2);
      expect(next.complaints.join("\n")).toMatch(
        /it hung up instead of greeting.*\(socket-takeover-failed\)/,
      );
    } finally {
      running.stop(true);
      unable.stop(true);
    }
  },
);

describe.skipIf(!IS_LINUX)("a stranger", () => {
  const handoverSocket = (agent: AgentProcess) =>
    join(agent.folder.path, readdirSync(agent.folder.path).find((name) => name.endsWith(".next"))!);

  test("finds the private socket closed to everybody but its owner", async () => {
    await using agent = await AgentProcess.start({ module: ECHO, flags: ["--socket-mode", "0666"] });
    expect(statSync(handoverSocket(agent)).mode & 0o777).toBe(0o600);
  });

  // Only root can be two users.
  test.skipIf(!IS_ROOT)("who is let in by the system is refused by its credentials", async () => {
    using folder = temporaryFolder();
    const launcher = ["setpriv", `--reuid=${OTHER_UID}`, `--regid=${OTHER_UID}`, "--clear-groups"];
    chmodSync(folder.path, 0o755);
    mkdirSync(folder.file("theirs"));
    chmodSync(folder.file("theirs"), 0o777);
    const module = folder.file("module.wasm");
    await Bun.write(module, Bun.file(ECHO));
    const socketPath = folder.file("theirs/agent.sock");
    await using agent = await AgentProcess.start({ module, socketPath, launcher });
    const proxy = await V2Proxy.connect(socketPath);
    using taker = new HalfTaker(socketPath);
    expect(await taker.reply()).toBeNull();
    expect(
      await agent.line("another user's process asked for this agent's connections; it was refused"),
    ).toMatchObject({ uid: 0 });
    expect((await proxy.request({ id: "mine" })).decision).toBe("allow");
    // The take-over by name is between those who may write to the folder, as ever.
    await using successor = await AgentProcess.start({ module, socketPath, flags: ["--takeover"] });
    expect(await successor.line("no connections can be taken over")).toMatchObject({
      reason: "the running agent is another user's",
    });
    expect(await agent.exited).toBe(0);
  });
});

describe.skipIf(!IS_LINUX || !IS_ROOT)("a socket file that was given to another user", () => {
  test("keeps its mode, and does not end the new agent after the last step", async () => {
    using folder = temporaryFolder();
    const launcher = ["setpriv", `--reuid=${OTHER_UID}`, `--regid=${OTHER_UID}`, "--clear-groups"];
    chmodSync(folder.path, 0o777);
    const module = folder.file("module.wasm");
    await Bun.write(module, Bun.file(ECHO));
    const socketPath = folder.file("agent.sock");
    const flags = ["--socket-mode", "0666"];
    await using old = await AgentProcess.start({ module, socketPath, launcher, flags });
    const proxy = await V2Proxy.connect(socketPath);
    chownSync(socketPath, 1, 1);
    await using _next = await AgentProcess.start({
      module,
      socketPath,
      launcher,
      flags: ["--takeover", "--socket-mode", "0600"],
    });
    expect(await old.exited).toBe(0);
    expect((await proxy.request({ id: "after" })).decision).toBe("allow");
    expect(statSync(socketPath).mode & 0o777).toBe(0o666);
  });
});
