/** Peers that are slow, rude, huge or many. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { replyGuest } from "../guests/reply-guest.ts";
import { acceptAnswer } from "../support/accepted-answer.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { handshake, requestHeaders, Type, v1Envelope } from "../support/proxy-messages.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { WireSocket } from "../support/wire-socket.ts";

setDefaultTimeout(30_000);

const IS_LINUX = process.platform === "linux";
const MIB = 1024 * 1024;

async function shakenHands(path: string): Promise<WireSocket> {
  const wire = await WireSocket.connect(path, 2);
  wire.send(v2Frame(Type.handshake, handshake("0.6.54")));
  expect((await wire.nextFrame())?.type).toBe(Type.handshakeResponse);
  return wire;
}

/** An event of exactly so many bytes, its length prefix not counted. */
function padded(bytes: number, frameOf: (uri: string) => Buffer): Buffer {
  const shortest = frameOf("/").length - 4;
  const frame = frameOf(`/${"x".repeat(bytes - shortest)}`);
  expect(frame.readUInt32BE(0)).toBe(bytes);
  return frame;
}

describe("a peer that asks and does not read", () => {
  const EVENTS = 2000;
  const HEADER_BYTES = 64 * 1024;

  test("costs the agent little memory, holds up nobody, and gets every answer in the end", async () => {
    // The guest answers with its input, so events and answers are equally large.
    await using agent = await AgentProcess.start({ module: guestPath("echo") });
    const slow = await shakenHands(agent.socketPath);
    const residentBefore = IS_LINUX ? await agent.residentBytes() : 0;
    slow.pause();
    const header = "y".repeat(HEADER_BYTES);
    for (let i = 0; i < EVENTS; i++) {
      slow.send(v2Frame(Type.requestHeaders, requestHeaders({ id: `id-${i}`, headers: { big: [header] } })));
    }
    const other = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < 100; i++) {
      expect((await other.request({ id: `other-${i}` })).decision).toBe("allow");
      await Bun.sleep(5);
    }
    expect(slow.isSent, "the agent must have stopped reading").toBe(false);
    if (IS_LINUX) {
      const grown = (await agent.residentBytes()) - residentBefore;
      expect(grown).toBeLessThan((EVENTS * HEADER_BYTES) / 2);
    }
    slow.resume();
    const answered = new Set<string | null>();
    for (let i = 0; i < EVENTS; i++) {
      const frame = await slow.nextFrame();
      if (frame === null) throw new Error(`the agent closed after ${i} answers`);
      const answer = acceptAnswer(2, frame.text);
      expect(JSON.stringify(answer.custom).length).toBeGreaterThan(HEADER_BYTES);
      answered.add(answer.correlationId);
    }
    expect(answered.size).toBe(EVENTS);
    slow.terminate();
  });
});

describe("a peer that vanishes", () => {
  test("with answers on their way harms nobody", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const other = await V2Proxy.connect(agent.socketPath);
    for (let round = 0; round < 100; round++) {
      const wire = await WireSocket.connect(agent.socketPath, 2);
      const events = Array.from({ length: 50 }, (_, i) =>
        v2Frame(Type.requestHeaders, requestHeaders({ id: `id-${i}` })),
      );
      wire.send(Buffer.concat([v2Frame(Type.handshake, handshake("0.6.54")), ...events]));
      wire.terminate();
      expect((await other.request({ id: `round-${round}` })).decision).toMatchObject({
        block: { status: 451 },
      });
    }
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
  });

  test("in the middle of a frame harms nobody", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const frame = v1Frame(v1Envelope("request_headers", requestHeaders()));
    for (let cut = 1; cut < frame.length; cut += 7) {
      const wire = await WireSocket.connect(agent.socketPath, 1);
      wire.send(frame.subarray(0, cut));
      wire.terminate();
    }
    const proxy = await V1Proxy.connect(agent.socketPath);
    expect((await proxy.request()).decision).toMatchObject({ block: { status: 451 } });
  });

  test("with a guest at work for it costs nothing but that work", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("compute-long"),
      flags: ["--timeout-ms", "20000"],
    });
    const gone = await shakenHands(agent.socketPath);
    for (let i = 0; i < 10; i++) gone.send(v2Frame(Type.requestHeaders, requestHeaders({ id: `gone-${i}` })));
    await Bun.sleep(20);
    gone.terminate();
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect((await proxy.request()).decision).toBe("allow");
  });
});

describe("a peer that has sent its last event", () => {
  test.each([1, 2] as const)(
    "of v%d still gets every answer, then the connection is closed",
    async (protocol) => {
      await using agent = await AgentProcess.start({ module: guestPath("block") });
      const wire =
        protocol === 1 ? await WireSocket.connect(agent.socketPath, 1) : await shakenHands(agent.socketPath);
      for (let i = 0; i < 100; i++) {
        const request = requestHeaders({ id: `id-${i}` });
        wire.send(
          protocol === 1
            ? v1Frame(v1Envelope("request_headers", request))
            : v2Frame(Type.requestHeaders, request),
        );
      }
      wire.endSending();
      for (let i = 0; i < 100; i++) {
        const frame = await wire.nextFrame();
        expect(acceptAnswer(protocol, frame?.text ?? "").decision).toMatchObject({ block: { status: 451 } });
      }
      expect(await wire.nextFrame()).toBeNull();
      expect(wire.restBytes).toBe(0);
    },
  );
});

describe("the largest frames", () => {
  const v1Request = (uri: string) => v1Frame(v1Envelope("request_headers", requestHeaders({ uri })));
  const v2Request = (uri: string) => v2Frame(Type.requestHeaders, requestHeaders({ uri }));

  test("v1: exactly 10 MiB is answered, one byte more closes the connection", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const wire = await WireSocket.connect(agent.socketPath, 1);
    wire.send(padded(10 * MIB, v1Request));
    expect(acceptAnswer(1, (await wire.nextFrame())?.text ?? "").decision).toMatchObject({
      block: { status: 451 },
    });
    wire.send(padded(10 * MIB + 1, v1Request));
    expect(await wire.nextFrame()).toBeNull();
    expect(await agent.line("closing a connection")).toMatchObject({
      reason: "frame-too-large: the peer announced a frame of 10485761 bytes; at most 10485760 are allowed",
    });
  });

  test("v2: exactly 16 MiB is answered, one byte more closes the connection", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const wire = await shakenHands(agent.socketPath);
    wire.send(padded(16 * MIB, v2Request));
    expect(acceptAnswer(2, (await wire.nextFrame())?.text ?? "").decision).toMatchObject({
      block: { status: 451 },
    });
    wire.send(padded(16 * MIB + 1, v2Request));
    expect(await wire.nextFrame()).toBeNull();
    expect(await agent.line("closing a connection")).toMatchObject({
      reason: "frame-too-large: the peer announced a frame of 16777217 bytes; at most 16777216 are allowed",
    });
  });

  test("an answer too large for v1 becomes a failure, where v2 still carries it", async () => {
    using folder = temporaryFolder();
    const module = folder.file("guest.wasm");
    const shortest = '{"decision":"block","body":""}'.length;
    // Within what a guest may return, but not with the answer's own words around it.
    await Bun.write(module, replyGuest(`{"decision":"block","body":"${"x".repeat(10 * MIB - shortest)}"}`));
    await using agent = await AgentProcess.start({ module });
    const v2 = await V2Proxy.connect(agent.socketPath);
    expect((await v2.request()).decision).toMatchObject({ block: { status: 403 } });
    const v1 = await V1Proxy.connect(agent.socketPath);
    expect(await v1.request()).toMatchObject({
      decision: { block: { status: 500, body: "Wasm Error" } },
      reasonCodes: ["guest-result-too-large"],
    });
    expect((await v1.request()).tags).toEqual(["wasm-error"]);
  });
});

describe("many connections", () => {
  const TOTAL = 2000;
  const AT_ONCE = 100;

  test(`${TOTAL} opened, used and closed leave nothing behind`, async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const openFiles = () => (IS_LINUX ? readdirSync(`/proc/${agent.pid}/fd`).length : 0);
    const before = openFiles();
    for (let opened = 0; opened < TOTAL; opened += AT_ONCE) {
      const proxies = await Promise.all(
        Array.from({ length: AT_ONCE }, () => V1Proxy.connect(agent.socketPath)),
      );
      const answers = await Promise.all(proxies.map((proxy) => proxy.request()));
      for (const answer of answers) expect(answer.decision).toMatchObject({ block: { status: 451 } });
      for (const [i, proxy] of proxies.entries()) {
        if (i % 2 === 0) proxy.wire.terminate();
        else proxy.wire.endSending();
      }
      await Promise.all(proxies.map((proxy) => proxy.wire.closed));
    }
    const proxy = await V1Proxy.connect(agent.socketPath);
    await proxy.request();
    expect(openFiles()).toBeLessThanOrEqual(before + 1);
  });

  test("500 that stay open are all served", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const proxies: V2Proxy[] = [];
    for (let i = 0; i < 500; i++) proxies.push(await V2Proxy.connect(agent.socketPath));
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(proxies.map((proxy, i) => proxy.request({ id: `${round}-${i}` })));
      expect(answers.filter((answer) => answer.decision !== "allow")).toHaveLength(500);
    }
    agent.signal("SIGTERM");
    await Promise.all(proxies.map((proxy) => proxy.wire.closed));
    expect(await agent.exited).toBe(0);
  });
});

/** Null for a connection that is closed, at whatever moment that is noticed. */
async function servedProxy(socketPath: string): Promise<V1Proxy | null> {
  try {
    const proxy = await V1Proxy.connect(socketPath);
    await proxy.request();
    return proxy;
  } catch {
    return null;
  }
}

// What a process may open is read from /proc.
test.skipIf(!IS_LINUX)(
  "connections beyond what the process may open are closed at once; the others are served, and make room for new ones",
  async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("block"),
      launcher: ["bash", "-c", 'ulimit -n 100; exec "$0" "$@"'],
    });
    const open: V1Proxy[] = [];
    let refused = 0;
    // Each is served or closed; none waits for a descriptor.
    while (refused < 50) {
      const proxy = await servedProxy(agent.socketPath);
      if (proxy === null) refused++;
      else open.push(proxy);
    }
    expect(open.length).toBeGreaterThan(20);
    expect((await open[0]!.request()).decision).toMatchObject({ block: { status: 451 } });
    expect(
      await agent.line(
        "a connection was closed at once: nearly all file descriptors are in use; raise the limit (ulimit -n, LimitNOFILE=)",
      ),
    ).toMatchObject({ level: "error", connections: open.length });
    // There are descriptors left for everything else.
    agent.signal("SIGHUP");
    await agent.line("reloaded the module");
    for (const proxy of open) proxy.wire.terminate();
    while ((await servedProxy(agent.socketPath)) === null) await Bun.sleep(1);
  },
);

// Resident memory is read from /proc.
describe.skipIf(!IS_LINUX)("peers that leave large frames unfinished", () => {
  const PEERS = 200;
  const SENT_BYTES = 4 * MIB;
  const BUDGET_MIB = 64;

  test("cost all together what --max-buffered allows, and hold up nobody", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("block"),
      flags: ["--max-buffered", `${BUDGET_MIB}MiB`],
    });
    const residentBefore = await agent.residentBytes();
    const begun = padded(9 * MIB, (uri) => v1Frame(v1Envelope("request_headers", requestHeaders({ uri }))));
    const peers: WireSocket[] = [];
    for (let i = 0; i < PEERS; i++) {
      const peer = await WireSocket.connect(agent.socketPath, 1);
      peer.send(begun.subarray(0, SENT_BYTES));
      peers.push(peer);
    }
    const other = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < 100; i++) {
      expect((await other.request({ id: `other-${i}` })).decision).toMatchObject({ block: { status: 451 } });
      await Bun.sleep(5);
    }
    const grownBytes = (await agent.residentBytes()) - residentBefore;
    // What the collector has not looked at yet comes on top.
    expect(grownBytes).toBeLessThan(3 * BUDGET_MIB * MIB);
    expect(peers.filter(({ isSent }) => isSent).length).toBeLessThan(PEERS / 2);
    await agent.line("paused the connections that hold most of the buffered bytes");
    for (const peer of peers) peer.terminate();
    await agent.line("no connection is paused for its buffered bytes any more");
    // There is room again for one that means it.
    const later = await WireSocket.connect(agent.socketPath, 1);
    later.send(begun);
    expect(acceptAnswer(1, (await later.nextFrame())!.text).decision).toMatchObject({
      block: { status: 451 },
    });
    later.terminate();
  });
});
