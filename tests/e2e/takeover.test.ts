/** A new agent takes over from a running one, and nobody who is connected notices. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { acceptAnswer } from "../support/accepted-answer.ts";
import { AgentProcess, type AgentProcessOptions } from "../support/agent-process.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { handshake, requestHeaders, Type, v1Envelope } from "../support/proxy-messages.ts";
import { pluginPath } from "../support/proxy-wasm-plugin.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { WireSocket } from "../support/wire-socket.ts";

setDefaultTimeout(60_000);

const IS_LINUX = process.platform === "linux";
const ECHO = guestPath("echo");

/** Starts a new agent that takes over, and waits until the old one has ended. */
async function replace(old: AgentProcess, options: Partial<AgentProcessOptions> = {}): Promise<AgentProcess> {
  const successor = await AgentProcess.start({
    module: ECHO,
    socketPath: old.socketPath,
    ...options,
    flags: ["--takeover", ...(options.flags ?? [])],
  });
  expect(await old.exited, old.said()).toBe(0);
  return successor;
}

// Elsewhere a new agent takes the name of the socket alone.
describe.skipIf(!IS_LINUX)("connections", () => {
  describe.each([1, 2] as const)("of protocol v%i", (protocol) => {
    test.each(["inline", "workers"])("go on through three take-overs, dispatch %s", async (dispatch) => {
      const flags = ["--dispatch", dispatch, "--timeout-ms", "20000"];
      await using first = await AgentProcess.start({ module: ECHO, flags });
      const clients = await Promise.all(
        Array.from({ length: 16 }, (_, i) =>
          SteadyClient.connect(first.socketPath, {
            protocol,
            inFlight: protocol === 2 ? 8 : 1,
            name: `c${i}`,
          }),
        ),
      );
      await using second = await replace(first, { flags });
      await using third = await replace(second, { flags });
      await using fourth = await replace(third, { flags });
      const answeredBefore = clients.map(({ answered }) => answered);
      await Bun.sleep(100);
      for (const [i, client] of clients.entries()) {
        expect(await client.finish()).toEqual([]);
        expect(client.answered).toBeGreaterThan(answeredBefore[i]!);
      }
      expect(await fourth.line("took over from the running agent")).toMatchObject({ connections: 16 });
      expect(await third.line("handed over to a new agent")).toMatchObject({ connections: 16 });
    });
  });

  test("wait for what is in flight on worker threads, and lose none of it", async () => {
    const module = guestPath("compute-long");
    const flags = ["--timeout-ms", "20000", "--dispatch", "workers"];
    await using old = await AgentProcess.start({ module, flags });
    const proxies = await Promise.all(Array.from({ length: 4 }, () => V2Proxy.connect(old.socketPath)));
    const answers = proxies.flatMap((proxy, p) =>
      Array.from({ length: 4 }, (_, i) => proxy.request({ id: `id-${p}-${i}` })),
    );
    await answers[0];
    await using _successor = await replace(old, { module, flags });
    for (const answer of await Promise.all(answers)) expect(answer.decision).toBe("allow");
    for (const proxy of proxies) {
      expect((await proxy.request({ id: "after" })).decision).toBe("allow");
      expect(proxy.strays).toEqual([]);
    }
  });

  test.each([1, 3, 4, 5, 6, 60, 250])(
    "with a v2 frame of which %i bytes have come go on with the rest",
    async (cut) => {
      await using old = await AgentProcess.start({ module: ECHO });
      const wire = await WireSocket.connect(old.socketPath, 2);
      const frame = v2Frame(Type.requestHeaders, requestHeaders({ id: "across" }));
      wire.send(Buffer.concat([v2Frame(Type.handshake, handshake("0.6.54")), frame.subarray(0, cut)]));
      expect((await wire.nextFrame())?.type).toBe(Type.handshakeResponse);
      await using _successor = await replace(old);
      wire.send(frame.subarray(cut));
      expect(acceptAnswer(2, (await wire.nextFrame())!.text).correlationId).toBe("across");
      wire.terminate();
    },
  );

  test("with a v1 frame of 9 MiB in pieces on both sides go on with the rest", async () => {
    await using old = await AgentProcess.start({ module: guestPath("constant") });
    const wire = await WireSocket.connect(old.socketPath, 1);
    const frame = v1Frame(
      v1Envelope("request_headers", requestHeaders({ headers: { big: ["x".repeat(9 * 1024 * 1024)] } })),
    );
    wire.send(frame.subarray(0, 5_000_000));
    while (!wire.isSent) await Bun.sleep(5);
    await using successor = await replace(old, { module: guestPath("constant") });
    wire.send(frame.subarray(5_000_000));
    expect(acceptAnswer(1, (await wire.nextFrame())!.text).decision).toBe("allow");
    expect(successor.lines.filter(({ level }) => level === "warn")).toEqual([]);
    wire.terminate();
  });

  test("before the handshake go on with it", async () => {
    await using old = await AgentProcess.start({ module: ECHO });
    const wire = await WireSocket.connect(old.socketPath, 2);
    // Another connection that is answered: the one before has been accepted by then.
    await V1Proxy.connect(old.socketPath).then((proxy) => proxy.request());
    await using _successor = await replace(old);
    wire.send(v2Frame(Type.handshake, handshake("0.6.54")));
    expect((await wire.nextFrame())?.type).toBe(Type.handshakeResponse);
    wire.terminate();
  });

  test("go to a new agent with another module and pool, while the old one loads a module anew", async () => {
    const flags = ["--dispatch", "workers", "--pool-size", "1", "--timeout-ms", "20000"];
    await using old = await AgentProcess.start({ module: ECHO, flags });
    const client = await SteadyClient.connect(old.socketPath, { protocol: 2, inFlight: 8, name: "c" });
    for (let i = 0; i < 3; i++) old.signal("SIGHUP");
    await using successor = await replace(old, {
      module: guestPath("echo-bytes-request"),
      flags: ["--pool-size", "3"],
    });
    const before = client.answered;
    await Bun.sleep(50);
    expect(await client.finish()).toEqual([]);
    expect(client.answered).toBeGreaterThan(before);
    expect(await successor.line("took over from the running agent")).toMatchObject({ connections: 1 });
  });

  test("go on when the private socket is there a moment later than the public one", async () => {
    await using old = await AgentProcess.start({ module: ECHO });
    const proxy = await V2Proxy.connect(old.socketPath);
    const name = readdirSync(old.folder.path).find((file) => file.endsWith(".next"))!;
    renameSync(old.folder.file(name), old.folder.file("aside"));
    const replacing = replace(old);
    await Bun.sleep(150);
    renameSync(old.folder.file("aside"), old.folder.file(name));
    await using _successor = await replacing;
    expect((await proxy.request({ id: "after" })).decision).toBe("allow");
  });

  test("whose peers do not read get every byte of every answer, once and in order", async () => {
    const EVENTS = 300;
    await using old = await AgentProcess.start({ module: ECHO });
    const wire = await WireSocket.connect(old.socketPath, 2);
    wire.send(v2Frame(Type.handshake, handshake("0.6.54")));
    await wire.nextFrame();
    wire.pause();
    const header = "y".repeat(20_000);
    for (let i = 0; i < EVENTS; i++) {
      wire.send(v2Frame(Type.requestHeaders, requestHeaders({ id: `id-${i}`, headers: { big: [header] } })));
    }
    // The agent has stopped reading by now: events wait on both sides of the socket, answers in its middle.
    await Bun.sleep(300);
    expect(wire.isSent).toBe(false);
    await using second = await replace(old);
    await using _third = await replace(second);
    wire.resume();
    for (let i = 0; i < EVENTS; i++) {
      const frame = await wire.nextFrame();
      expect(acceptAnswer(2, frame!.text).correlationId).toBe(`id-${i}`);
    }
    expect(wire.restBytes).toBe(0);
    wire.terminate();
  });

  test("of a peer that has sent its last event get the answer, then are closed", async () => {
    const module = guestPath("compute-long");
    const flags = ["--timeout-ms", "20000", "--dispatch", "workers", "--pool-size", "1"];
    await using old = await AgentProcess.start({ module, flags });
    const busy = await V2Proxy.connect(old.socketPath);
    const wire = await WireSocket.connect(old.socketPath, 1);
    wire.send(v1Frame(v1Envelope("request_headers", requestHeaders())));
    const answers = Array.from({ length: 4 }, (_, i) => busy.request({ id: `id-${i}` }));
    wire.endSending();
    await using _successor = await replace(old, { module, flags });
    expect(acceptAnswer(1, (await wire.nextFrame())!.text).decision).toBe("allow");
    await wire.closed;
    await Promise.all(answers);
  });

  test("in their thousands all go on", async () => {
    const COUNT = 3000;
    await using old = await AgentProcess.start({ module: guestPath("constant") });
    const proxies: V1Proxy[] = [];
    for (let i = 0; i < COUNT; i++) {
      const proxy = await V1Proxy.connect(old.socketPath);
      await proxy.request();
      proxies.push(proxy);
    }
    await using successor = await replace(old, { module: guestPath("constant") });
    expect(await successor.line("took over from the running agent")).toMatchObject({ connections: COUNT });
    for (const proxy of proxies) expect((await proxy.request()).decision).toBe("allow");
    for (const proxy of proxies) proxy.wire.terminate();
  });

  test("that are opened while it happens are all accepted and answered", async () => {
    await using first = await AgentProcess.start({ module: guestPath("constant") });
    let isOver = false;
    let opened = 0;
    const connecting = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const proxy = await V1Proxy.connect(first.socketPath);
        expect((await proxy.request()).decision).toBe("allow");
        proxy.wire.terminate();
        opened++;
      }
    });
    await using second = await replace(first, { module: guestPath("constant") });
    await using _third = await replace(second, { module: guestPath("constant") });
    const before = opened;
    await Bun.sleep(50);
    isOver = true;
    await Promise.all(connecting);
    expect(opened).toBeGreaterThan(before);
  });
});

describe.skipIf(!IS_LINUX)("an exchange that is open meanwhile", () => {
  test("goes on with its request where no instance holds state for it", async () => {
    const module = guestPath("echo-bytes-request");
    await using old = await AgentProcess.start({ module });
    const proxy = await V2Proxy.connect(old.socketPath);
    await proxy.request({ id: "open", uri: "/kept" });
    await using _successor = await replace(old, { module });
    expect((await proxy.response({ id: "open" })).custom).toMatchObject({
      input: { status: 200, request: { uri: "/kept" } },
    });
  });

  test.each([
    { flags: [], decision: { block: { status: 500 } } },
    { flags: ["--fail-open"], decision: "allow" },
  ])(
    "ends for a guest that keeps a context: exchange-unknown, then $decision",
    async ({ flags, decision }) => {
      const module = pluginPath("add-header-c");
      await using old = await AgentProcess.start({ module, flags });
      const proxy = await V2Proxy.connect(old.socketPath);
      expect((await proxy.request({ id: "open" })).decision).toBe("allow");
      await using _successor = await replace(old, { module, flags });
      const response = await proxy.response({ id: "open" });
      expect(response).toMatchObject({ decision, reasonCodes: ["exchange-unknown"] });
      expect(response.tags).toContain("wasm-error");
      await proxy.request({ id: "next" });
      expect(await proxy.response({ id: "next" })).toMatchObject({ decision: "allow", reasonCodes: [] });
    },
  );
});

describe.skipIf(!IS_LINUX)("beside connections", () => {
  test("the configuration that the proxy pushed holds in the new agent", async () => {
    const module = guestPath("configure-echo");
    await using old = await AgentProcess.start({ module });
    const proxy = await V2Proxy.connect(old.socketPath);
    await proxy.configure({ greeting: "hello", "pool-size": 2 });
    await using successor = await replace(old, { module });
    expect((await proxy.request({ id: "a" })).tags).toEqual(['{"greeting":"hello","pool-size":2}']);
    // It is known there: the next connection brings the same, and nothing is applied again.
    const applied = successor.lines.filter(
      ({ msg }) => msg === "the proxy's configuration was applied",
    ).length;
    const next = await V2Proxy.connect(old.socketPath);
    await next.configure({ greeting: "hello", "pool-size": 2 });
    await next.request({ id: "b" });
    expect(successor.lines.filter(({ msg }) => msg === "the proxy's configuration was applied")).toHaveLength(
      applied,
    );
  });

  test("response headers that an older proxy gets with the response are not forgotten", async () => {
    const module = guestPath("headers");
    await using old = await AgentProcess.start({ module });
    const proxy = await V2Proxy.connect(old.socketPath, "0.6.20");
    const other = await V2Proxy.connect(old.socketPath, "0.6.20");
    const [request, known] = [await proxy.request({ id: "mine" }), await other.request({ id: "known" })];
    expect(request.responseHeaders).toEqual(known.responseHeaders);
    const before = (await other.response({ id: "known" })).responseHeaders;
    await using _successor = await replace(old, { module });
    expect((await proxy.response({ id: "mine" })).responseHeaders).toEqual(before);
    expect(before.length).toBeGreaterThan(0);
  });

  test("counters go on, and the socket has the mode that the new agent was given", async () => {
    await using old = await AgentProcess.start({ module: ECHO });
    const proxy = await V2Proxy.connect(old.socketPath);
    for (let i = 0; i < 5; i++) await proxy.request({ id: `id-${i}` });
    await using successor = await replace(old, { flags: ["--socket-mode", "0600"] });
    for (let i = 0; i < 3; i++) await proxy.request({ id: `id-${i}` });
    expect(statSync(old.socketPath).mode & 0o777).toBe(0o600);
    successor.signal("SIGTERM");
    expect(await successor.exited).toBe(0);
    expect(await successor.line("stopped")).toMatchObject({ requests: 8 });
    expect(existsSync(old.socketPath)).toBe(false);
    expect(readdirSync(old.folder.path)).toEqual([]);
  });
});

interface Tally {
  answered: number;
  /** Connections that could not be opened: must stay 0. */
  refused: number;
}

/** Asks one event after the other until `isOver`, on a new connection whenever the last one was closed. */
async function keepAsking(path: string, isOver: () => boolean, tally: Tally): Promise<void> {
  let proxy = await V1Proxy.connect(path);
  while (!isOver()) {
    try {
      await proxy.request();
      tally.answered++;
    } catch {
      proxy = await V1Proxy.connect(path).catch((error: unknown) => {
        tally.refused++;
        throw error;
      });
    }
    await Bun.sleep(3);
  }
}

describe("an agent that keeps its connections, as version 1.0 does,", () => {
  const { OLD_AGENT_BIN } = process.env;

  /** The old agent, without the socket that a new one would ask for its connections. */
  async function start10(): Promise<AgentProcess> {
    if (OLD_AGENT_BIN !== undefined) {
      return AgentProcess.start({ module: ECHO, command: [OLD_AGENT_BIN] });
    }
    const agent = await AgentProcess.start({ module: ECHO });
    for (const name of readdirSync(agent.folder.path)) {
      if (name.endsWith(".next")) rmSync(agent.folder.file(name));
    }
    return agent;
  }

  test("loses its name, answers what it was asked, and ends; no connection is refused", async () => {
    await using old = await start10();
    const tally: Tally = { answered: 0, refused: 0 };
    let isOver = false;
    const clients = Array.from({ length: 8 }, () => keepAsking(old.socketPath, () => isOver, tally));
    await Bun.sleep(200);
    await using successor = await replace(old);
    expect(await successor.line("no connections can be taken over")).toMatchObject({ level: "warn" });
    const atHandover = tally.answered;
    await Bun.sleep(200);
    isOver = true;
    await Promise.all(clients);
    expect(tally.refused).toBe(0);
    expect(tally.answered).toBeGreaterThan(atHandover);
    expect(old.lines.some((line) => line["reason"] === "another agent took over the socket")).toBe(true);
  });

  test.skipIf(OLD_AGENT_BIN === undefined)("takes over from a newer one by its name", async () => {
    await using current = await AgentProcess.start({ module: ECHO });
    const proxy = await V2Proxy.connect(current.socketPath);
    await proxy.request({ id: "before" });
    await using _old = await AgentProcess.start({
      module: ECHO,
      command: [OLD_AGENT_BIN ?? ""],
      socketPath: current.socketPath,
      flags: ["--takeover"],
    });
    expect(await current.exited).toBe(0);
    await proxy.wire.closed;
    const next = await V2Proxy.connect(current.socketPath);
    expect((await next.request({ id: "after" })).decision).toBe("allow");
    expect(readdirSync(current.folder.path)).toEqual(["agent.sock"]);
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
