/** What the proxy pushes, and what the flags say about verdicts, as a proxy sees it. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { replyGuest } from "../guests/reply-guest.ts";
import type { AcceptedDecision } from "../support/accepted-answer.ts";
import { AgentProcess, type LogLine } from "../support/agent-process.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(30_000);

const APPLIED = "the proxy's configuration was applied";

const count = (agent: AgentProcess, message: string): number =>
  agent.lines.filter((line) => line.msg === message).length;

/** Connects as a 0.6.54 does, and says how many events the handshake says are served at once. */
async function capacity(agent: AgentProcess): Promise<number> {
  const proxy = await V2Proxy.connect(agent.socketPath);
  proxy.wire.terminate();
  const { capabilities } = JSON.parse(proxy.handshakeResponse) as {
    capabilities: { features: { concurrent_requests: number }; limits: { max_concurrency: number } };
  };
  expect(capabilities.limits.max_concurrency).toBe(capabilities.features.concurrent_requests);
  return capabilities.features.concurrent_requests;
}

describe("configuration from a file", () => {
  const ECHO = guestPath("configure-echo");

  /** What the guest was configured with; null for nothing. */
  async function heldConfig(proxy: V2Proxy): Promise<unknown> {
    const [tag] = (await proxy.request()).tags;
    return JSON.parse(tag ?? "null");
  }

  async function reload(agent: AgentProcess, message: string): Promise<LogLine> {
    const before = count(agent, message);
    agent.signal("SIGHUP");
    while (count(agent, message) === before) await Bun.sleep(5);
    return agent.lines.findLast((line) => line.msg === message)!;
  }

  test("holds from the start, in every instance, until the proxy pushes one, which holds from then on", async () => {
    using folder = temporaryFolder();
    const path = folder.file("config.json");
    writeFileSync(path, '{ "from": "file" }');
    await using agent = await AgentProcess.start({
      module: ECHO,
      flags: ["--config", path, "--isolation", "per-request"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < 5; i++) expect(await heldConfig(proxy)).toEqual({ from: "file" });
    expect((await proxy.configure({ from: "proxy" })).decision).toBe("allow");
    expect(await heldConfig(proxy)).toEqual({ from: "proxy" });
    writeFileSync(path, "no JSON");
    await reload(agent, "reloaded the module");
    expect(await heldConfig(proxy)).toEqual({ from: "proxy" });
  });

  test("is read again by a reload; one that cannot be used changes nothing", async () => {
    using folder = temporaryFolder();
    const path = folder.file("config.json");
    writeFileSync(path, '{"version":1}');
    await using agent = await AgentProcess.start({ module: ECHO, env: { WASM_CONFIG: path } });
    const proxy = await V2Proxy.connect(agent.socketPath);
    writeFileSync(path, '{"version":2}');
    await reload(agent, "reloaded the module");
    expect(await heldConfig(proxy)).toEqual({ version: 2 });
    writeFileSync(path, '{"version":');
    expect(
      await reload(agent, "the new module cannot be used; the one before goes on serving"),
    ).toMatchObject({
      code: "configuration-not-json",
    });
    expect(await heldConfig(proxy)).toEqual({ version: 2 });
  });

  test("is watched, too, with --watch", async () => {
    using folder = temporaryFolder();
    const path = folder.file("config.json");
    writeFileSync(path, '{"version":1}');
    await using agent = await AgentProcess.start({ module: ECHO, flags: ["--config", path, "--watch"] });
    writeFileSync(path, '{"version":2}');
    await agent.line("reloaded the module");
    expect(await heldConfig(await V2Proxy.connect(agent.socketPath))).toEqual({ version: 2 });
  });

  test.each([
    ["that is not there", null, ECHO, "configuration-unreadable"],
    ["that is no JSON", "mode = strict", ECHO, "configuration-not-json"],
    ["that the module refuses", "{}", guestPath("configure-refuse"), "configuration-refused"],
  ] as const)("%s ends the start with 2 and a sentence", async (_what, content, module, code) => {
    using folder = temporaryFolder();
    const path = folder.file("config.json");
    if (content !== null) writeFileSync(path, content);
    await using agent = AgentProcess.launch({ module, flags: ["--config", path] });
    expect(await agent.exited).toBe(2);
    expect(agent.complaints).toHaveLength(1);
    expect(agent.complaints[0]).toContain(path);
    expect(agent.complaints[0]).toEndWith(` (${code})`);
  });

  test("that means nothing to the module is worth a warning", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("config.json"), "{}");
    await using agent = await AgentProcess.start({
      module: guestPath("block"),
      flags: ["--config", folder.file("config.json")],
    });
    expect(
      await agent.line(
        "the module takes no configuration (it exports no usable on_configure); --config means nothing to it",
      ),
    ).toMatchObject({ level: "warn", config: folder.file("config.json") });
  });
});

describe("configuration from the proxy", () => {
  test("sets the policy and the pool for every connection", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("trap"), flags: ["--pool-size", "2"] });
    expect(await capacity(agent)).toBe(2);
    const [first, second] = [
      await V2Proxy.connect(agent.socketPath),
      await V1Proxy.connect(agent.socketPath),
    ];
    expect((await first.configure({ "fail-open": true, "pool-size": 7 })).decision).toBe("allow");
    expect((await second.request()).tags).toEqual(["wasm-error", "fail-open"]);
    expect(await capacity(agent)).toBe(7);
    expect((await second.configure({ "fail-open": false, "pool-size": 1 })).decision).toBe("allow");
    expect((await first.request()).tags).toEqual(["wasm-error"]);
    expect(await capacity(agent)).toBe(1);
  });

  test("comes on every connection and is applied once", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    for (let i = 0; i < 4; i++) {
      const proxy = await V2Proxy.connect(agent.socketPath, "0.6.54", { "pool-size": 3 });
      expect((await proxy.configure({ "pool-size": 3 }, i)).decision).toBe("allow");
    }
    expect(count(agent, APPLIED)).toBe(1);
  });

  test("with values or keys that mean nothing is accepted, with a warning that names them", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("block") });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const config = { "pool-size": "many", "fail-open": 1, "block-list": ["a"], verbose: true };
    expect((await proxy.configure(config)).decision).toBe("allow");
    expect(await capacity(agent)).toBe(4);
    const warnings = agent.lines.filter((line) => line.level === "warn");
    expect(warnings).toMatchObject([
      { key: "pool-size", expected: "an integer from 1 to 256", received: '"many"' },
      { key: "fail-open", expected: "true or false", received: "1" },
      { keys: "block-list, verbose" },
    ]);
  });

  test.each([[null], [[]], ["text"], [5], [{ "pool-size": 0 }], [{ "pool-size": 257 }], [{}]])(
    "%j takes nothing out of service",
    async (config) => {
      await using agent = await AgentProcess.start({ module: guestPath("block") });
      const proxy = await V2Proxy.connect(agent.socketPath);
      expect((await proxy.configure(config)).decision).toBe("allow");
      expect((await proxy.request()).decision).toMatchObject({ block: { status: 451 } });
      expect(await capacity(agent)).toBe(4);
    },
  );

  test("reaches a guest that wants it, in every instance, also in those made later", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("configure-echo"),
      flags: ["--pool-size", "1"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect((await proxy.request()).tags).toEqual([]);
    const config = { "pool-size": 3, list: ["é"] };
    expect((await proxy.configure(config)).decision).toBe("allow");
    for (let i = 0; i < 10; i++) {
      const [tag] = (await proxy.request({ id: `id-${i}` })).tags;
      expect(JSON.parse(tag ?? "null")).toEqual(config);
    }
  });

  test.each([
    ["configure-refuse", "Configuration rejected: the module's on_configure answered 7; 0 accepts"],
    ["configure-trap", /^Configuration rejected: the guest trapped in .*on_configure/],
    ["configure-loop", /^Configuration rejected: the guest was stopped in .*on_configure.* after 200 ms/],
  ] as const)(
    "that %s refuses is refused in words, and everything stays as it was",
    async (guest, reason) => {
      await using agent = await AgentProcess.start({
        module: guestPath(guest),
        flags: ["--start-timeout-ms", "200", "--pool-size", "2"],
      });
      const proxy = await V2Proxy.connect(agent.socketPath);
      const answer = await proxy.configure({ "pool-size": 9 });
      const { block } = answer.decision as AcceptedDecision & { block: { status: number; body: string } };
      expect(block.status).toBe(500);
      if (typeof reason === "string") expect(block.body).toBe(reason);
      else expect(block.body).toMatch(reason);
      expect((await proxy.request()).decision).toBe("allow");
      expect(await capacity(agent)).toBe(2);
      // A refusal is asked for anew: what failed once may be accepted now.
      expect((await proxy.configure({ "pool-size": 9 }, 1)).decision).not.toBe("allow");
      expect(count(agent, APPLIED)).toBe(0);
    },
  );

  test("a smaller pool loses no event in flight", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("compute-long"),
      flags: ["--pool-size", "4", "--timeout-ms", "20000"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < 8; i++) await proxy.request({ id: `warm-${i}` });
    const inFlight = Array.from({ length: 12 }, (_, i) => proxy.request({ id: `id-${i}` }));
    await inFlight[0];
    expect((await proxy.configure({ "pool-size": 2 })).decision).toBe("allow");
    for (const answer of await Promise.all(inFlight)) expect(answer.decision).toBe("allow");
  });

  test("is accepted and ignored with --ignore-proxy-config", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("configure-refuse"),
      flags: ["--ignore-proxy-config"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect((await proxy.configure({ "pool-size": 9, "fail-open": true })).decision).toBe("allow");
    expect(await capacity(agent)).toBe(4);
    expect(count(agent, "the proxy's configuration was ignored, as --ignore-proxy-config says")).toBe(1);
    expect(JSON.parse(proxy.handshakeResponse)).toMatchObject({
      capabilities: { supported_events: [1, 3], features: { config_push: false } },
    });
  });
});

describe("response headers that a guest sets while answering a request", () => {
  const OPS = ["set X-From-Guest: 1"];

  test.each([
    ["0.6.45", 2],
    ["0.6.54", 1],
  ] as const)("for a %s, the response's answer holds them %d times", async (version, times) => {
    using folder = temporaryFolder();
    const module = folder.file("guest.wasm");
    await Bun.write(module, replyGuest('{"decision":"allow","add_response_headers":{"X-From-Guest":"1"}}'));
    await using agent = await AgentProcess.start({ module });
    const [first, second] = [
      await V2Proxy.connect(agent.socketPath, version),
      await V2Proxy.connect(agent.socketPath, version),
    ];
    expect((await first.request({ id: "a" })).responseHeaders).toEqual(OPS);
    // The guest itself sets them once more on the response.
    const expected = Array.from({ length: times }, () => OPS).flat();
    expect((await second.response({ id: "a" })).responseHeaders).toEqual(expected);
    expect((await second.response({ id: "a" })).responseHeaders).toEqual(OPS);
  });
});

describe("redirects", () => {
  const asBlock = {
    block: { status: 307, headers: expect.objectContaining({ Location: expect.any(String) }), body: "" },
  };
  const asRedirect = { redirect: { status: 307, url: expect.any(String) } };

  test.each([
    ["auto", asBlock, asBlock, asRedirect],
    ["block", asBlock, asBlock, asBlock],
    ["redirect", asRedirect, asRedirect, asRedirect],
  ] as const)("--redirect-encoding %s", async (encoding, v1, v2Old, v2New) => {
    await using agent = await AgentProcess.start({
      module: guestPath("redirect"),
      flags: ["--redirect-encoding", encoding],
    });
    expect((await (await V1Proxy.connect(agent.socketPath)).request()).decision).toEqual(v1);
    expect((await (await V2Proxy.connect(agent.socketPath, "0.6.45")).request()).decision).toEqual(v2Old);
    expect((await (await V2Proxy.connect(agent.socketPath, "0.6.54")).request()).decision).toEqual(v2New);
  });
});

test.each([
  ["preserve", { "user-agent": "x", "X-Odd": "1" }],
  ["canonical", { "User-Agent": "x", "X-Odd": "1" }],
] as const)("--header-case %s decides how the guest sees header names", async (headerCase, expected) => {
  await using agent = await AgentProcess.start({
    module: guestPath("echo"),
    flags: ["--header-case", headerCase],
  });
  const proxy = await V2Proxy.connect(agent.socketPath);
  const answer = await proxy.request({
    headers: { "user-agent": ["x"], "X-Odd": ["1"], ":method": ["GET"] },
  });
  expect(answer.custom["input"]).toMatchObject({ client_ip: "203.0.113.9", headers: expected });
  expect(Object.keys((answer.custom["input"] as { headers: object }).headers)).toHaveLength(2);
});

describe("the correlation id in the log", () => {
  test("is escaped, and cut at 128 characters, wherever it stands", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("trap"), flags: ["--verbose"] });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const hostile = `\n{"level":"info"}\u001b[31m\u202e\u2028${"x".repeat(500)}`;
    const answer = await proxy.request({ id: hostile });
    expect(answer.correlationId).toBe(hostile);
    agent.signal("SIGTERM");
    await agent.exited;
    const about = agent.lines.filter((line) => "correlation_id" in line);
    expect(about.map((line) => line.msg)).toEqual(expect.arrayContaining(["event", "verdict"]));
    for (const line of about) {
      const id = String(line["correlation_id"]);
      expect(id.length).toBeLessThanOrEqual(128);
      expect(id).toStartWith('\n{"level":"info"}');
    }
    expect(agent.complaints).toEqual([]);
    expect(agent.rawLog).not.toMatch(/[\u001b\u202e\u2028]/);
  });
});
