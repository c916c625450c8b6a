/** Proxies of both eras on one socket, asking the built agent with the Rust example. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { AgentProcess } from "../support/agent-process.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { handshake, passiveEvents, requestHeaders, Type, v1Envelope } from "../support/proxy-messages.ts";
import { WireSocket } from "../support/wire-socket.ts";

setDefaultTimeout(30_000);

const CONNECTIONS = 64;
const QUESTIONS_EACH = 50;

let agent: AgentProcess;
beforeAll(async () => {
  agent = await AgentProcess.start({ module: examplePolicy("rust") });
});
afterAll(() => agent[Symbol.asyncDispose]());

/** What the example policy has to say on a uri. */
const VERDICTS = [
  { uri: "/", tag: undefined },
  { uri: "/admin", tag: "admin-blocked" },
  { uri: "/?q=1'", tag: "sqli-detected" },
  { uri: "/..%2f", tag: "path-traversal" },
  { uri: "/<script", tag: "xss-detected" },
] as const;

describe("v1", () => {
  test("requests, responses and configurations, one after the other on one connection", async () => {
    const proxy = await V1Proxy.connect(agent.socketPath);
    expect((await proxy.configure({ "fail-open": false, "pool-size": 4 })).decision).toBe("allow");
    for (const { uri, tag } of VERDICTS) expect((await proxy.request({ uri })).tags[0]).toBe(tag);
    expect((await proxy.response({ status: 404 })).tags).toEqual(["status-404"]);
    proxy.wire.terminate();
  });

  test("every other event is allowed", async () => {
    const proxy = await V1Proxy.connect(agent.socketPath);
    for (const { name, payload } of passiveEvents())
      expect((await proxy.ask(name, payload)).decision).toBe("allow");
    proxy.wire.terminate();
  });

  test("a body that is no JSON object closes the connection without an answer", async () => {
    const wire = await WireSocket.connect(agent.socketPath, 1);
    wire.send(v1Frame("{nope"));
    expect(await wire.nextFrame()).toBeNull();
  });

  test("an event type nobody knows is answered by the fail policy", async () => {
    const proxy = await V1Proxy.connect(agent.socketPath);
    expect(await proxy.ask("nope", {})).toMatchObject({
      decision: { block: { status: 500, body: "Wasm Error" } },
      reasonCodes: ["event-undecodable"],
    });
    expect((await proxy.request()).decision).toBe("allow");
    proxy.wire.terminate();
  });
});

describe("v2", () => {
  test("requests and responses, all at once on one connection", async () => {
    const proxy = await V2Proxy.connect(agent.socketPath);
    const answers = await Promise.all(VERDICTS.map(({ uri }, i) => proxy.request({ id: `id-${i}`, uri })));
    expect(answers.map((answer) => answer.tags[0])).toEqual(VERDICTS.map(({ tag }) => tag));
    expect((await proxy.response({ id: "r", status: 503 })).tags).toEqual(["status-503"]);
    expect(proxy.strays).toEqual([]);
    proxy.wire.terminate();
  });

  test("every other event is allowed under its id", async () => {
    const proxy = await V2Proxy.connect(agent.socketPath);
    for (const { type, payload } of passiveEvents("same-id")) {
      expect((await proxy.ask(type, payload)).decision).toBe("allow");
    }
    proxy.wire.terminate();
  });

  test("a ping comes back byte for byte", async () => {
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect(await proxy.ping('{"sequence":7,"timestamp_ms":1}')).toBe('{"sequence":7,"timestamp_ms":1}');
    expect(await proxy.ping("")).toBe("");
    proxy.wire.terminate();
  });

  test("messages of unknown types, cancels and second handshakes are passed over", async () => {
    const proxy = await V2Proxy.connect(agent.socketPath);
    for (const type of [0x00, 0x21, 0x30, 0x50, 0xff]) proxy.wire.send(v2Frame(type, "anything"));
    proxy.wire.send(v2Frame(Type.cancel, { correlation_id: "nobody", reason: 1, timestamp_ms: 1 }));
    proxy.wire.send(v2Frame(Type.handshake, handshake("0.6.54")));
    expect((await proxy.request()).decision).toBe("allow");
    expect(proxy.strays).toEqual([]);
    proxy.wire.terminate();
  });

  test("an event that cannot be decoded is answered by the fail policy under the id that can be found", async () => {
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect(await proxy.ask(Type.requestHeaders, { correlation_id: "half" })).toMatchObject({
      tags: ["wasm-error"],
      reasonCodes: ["event-undecodable"],
    });
    proxy.wire.terminate();
  });

  test.each([
    ["a first message of another type", v2Frame(Type.requestHeaders, requestHeaders())],
    ["a handshake that is no JSON", v2Frame(Type.handshake, "nope")],
    ["an empty frame", Buffer.alloc(4)],
    ["a frame above 16 MiB", Buffer.of(0x01, 0x00, 0x00, 0x01, Type.handshake)],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ])("%s closes the connection without an answer", async (_what, bytes) => {
    const wire = await WireSocket.connect(agent.socketPath, 2);
    wire.send(bytes);
    expect(await wire.nextFrame()).toBeNull();
  });

  test("a proxy without version 2 is refused in words, then the connection is closed", async () => {
    const wire = await WireSocket.connect(agent.socketPath, 2);
    wire.send(v2Frame(Type.handshake, { ...handshake("0.6.54"), supported_versions: [1] }));
    const answer = await wire.nextFrame();
    expect(JSON.parse(answer?.text ?? "{}")).toMatchObject({
      success: false,
      error: "this agent speaks protocol version 2",
    });
    expect(await wire.nextFrame()).toBeNull();
  });
});

test(`${CONNECTIONS} connections at once, of both protocols: every event gets its own right answer`, async () => {
  const ask = async (number: number): Promise<number> => {
    const isV1 = number % 2 === 0;
    const proxy = isV1
      ? await V1Proxy.connect(agent.socketPath)
      : await V2Proxy.connect(agent.socketPath, number % 4 === 1 ? "0.6.45" : "0.6.54");
    const events = Array.from(
      { length: QUESTIONS_EACH },
      (_, i) => VERDICTS[(number + i) % VERDICTS.length]!,
    );
    const one = async ({ uri, tag }: (typeof VERDICTS)[number], i: number) => {
      // The address comes back in a header: an answer to somebody else's event would show.
      const clientIp = `10.0.${number}.${i}`;
      const answer = await proxy.request({ id: `${number}-${i}`, uri, clientIp });
      expect(answer.tags[0]).toBe(tag);
      if (tag === undefined) expect(answer.requestHeaders).toContain(`set X-Client-IP: ${clientIp}`);
    };
    if (isV1) for (const [i, event] of events.entries()) await one(event, i);
    else await Promise.all(events.map(one));
    if (proxy instanceof V2Proxy) expect(proxy.strays).toEqual([]);
    proxy.wire.terminate();
    return events.length;
  };
  const answered = await Promise.all(Array.from({ length: CONNECTIONS }, (_, number) => ask(number)));
  expect(answered.reduce((sum, count) => sum + count)).toBe(CONNECTIONS * QUESTIONS_EACH);
});

test("a frame in single bytes is a frame", async () => {
  const wire = await WireSocket.connect(agent.socketPath, 1);
  for (const byte of v1Frame(v1Envelope("request_headers", requestHeaders({ uri: "/admin" })))) {
    wire.send(Buffer.of(byte));
    await Bun.sleep(0);
  }
  expect((await wire.nextFrame())?.text).toContain("admin-blocked");
  wire.terminate();
});
