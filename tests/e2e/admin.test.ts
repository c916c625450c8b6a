/** The admin endpoint of a running agent: who may ask, what comes back, and that it is true. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import Ajv2020 from "ajv/dist/2020.js";
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import statusSchema from "../../docs/schema/status.json" with { type: "json" };
import { guestPath } from "../guests/guest-path.ts";
import { type AdminPlace, askAdmin, sendRaw } from "../support/admin-client.ts";
import { AgentProcess, type AgentProcessOptions } from "../support/agent-process.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { listenOn, listenOnTcp } from "../support/listening-socket.ts";
import { documentedLabels, documentedMetrics } from "../support/metrics-document.ts";
import { ScrapedMetrics } from "../support/scraped-metrics.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { DatagramReceiver } from "../unit/telemetry/datagram-receiver.ts";

setDefaultTimeout(60_000);

const MODULE = guestPath("block");
const LARGE_MODULE = join(import.meta.dir, "../../examples/go/policy.wasm");
const IS_ROOT = process.getuid?.() === 0;
const IS_LINUX = process.platform === "linux";
const SENTENCE = /^sentinel-wasm-agent: .* \((?<code>[a-z-]+)\)$/;
const isStatus = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(statusSchema);

async function scrape(place: AdminPlace): Promise<ScrapedMetrics> {
  return new ScrapedMetrics((await askAdmin(place, "/metrics")).text);
}

async function readiness(place: AdminPlace): Promise<string> {
  const { status, text } = await askAdmin(place, "/readyz");
  return `${status} ${text.trim()}`;
}

/** With a TCP side on any free port. */
async function startWithTcp(): Promise<{ readonly agent: AgentProcess; readonly tcp: AdminPlace }> {
  const agent = await AgentProcess.start({ module: MODULE, flags: ["--admin-address", "127.0.0.1:0"] });
  const { port } = await agent.line("the admin endpoint listens on TCP");
  return { agent, tcp: { hostname: "127.0.0.1", port: Number(port) } };
}

async function refusalCode(options: AgentProcessOptions): Promise<string | undefined> {
  await using agent = AgentProcess.launch(options);
  expect(await agent.exited).toBe(2);
  return SENTENCE.exec(agent.complaints[0] ?? "")?.groups?.["code"];
}

describe("the admin socket", () => {
  test("lies beside the agent's own, is for its user alone, and goes with the agent", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    expect(lstatSync(agent.admin.unix).mode & 0o777).toBe(0o600);
    expect((await askAdmin(agent.admin, "/livez")).text).toBe("ok\n");
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect(existsSync(agent.admin.unix)).toBe(false);
  });

  test.skipIf(!IS_ROOT || !IS_LINUX)("is closed to other users", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    const path = agent.admin.unix;
    const other = Bun.spawnSync(
      [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "curl",
        "-sS",
        "--unix-socket",
        path,
        "http://h/livez",
      ],
      { stdout: "pipe", stderr: "pipe" },
    );
    expect(other.exitCode).not.toBe(0);
    expect(other.stdout.toString()).toBe("");
  });

  test("can be elsewhere, or nowhere", async () => {
    using folder = temporaryFolder();
    const unix = folder.file("a.sock");
    {
      await using agent = await AgentProcess.start({ module: MODULE, flags: ["--admin-socket", unix] });
      expect((await askAdmin({ unix }, "/livez")).status).toBe(200);
      expect(existsSync(agent.admin.unix)).toBe(false);
    }
    await using agent = await AgentProcess.start({ module: MODULE, env: { WASM_ADMIN_SOCKET: "none" } });
    expect(existsSync(agent.admin.unix)).toBe(false);
  });

  test("that a dead agent left behind is replaced", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    {
      await using agent = await AgentProcess.start({ module: MODULE, socketPath });
      agent.signal("SIGKILL");
      await agent.exited;
    }
    expect(existsSync(`${socketPath}.admin`)).toBe(true);
    await using agent = await AgentProcess.start({ module: MODULE, socketPath });
    expect((await askAdmin(agent.admin, "/livez")).status).toBe(200);
  });

  test("that cannot be made where nobody asked for it is a warning", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    mkdirSync(`${socketPath}.admin`);
    await using agent = await AgentProcess.start({ module: MODULE, socketPath });
    expect(
      await agent.line("there is no admin socket; choose another --admin-socket, or none"),
    ).toMatchObject({
      level: "warn",
      code: "socket-not-a-socket",
    });
    expect((await (await V1Proxy.connect(socketPath)).request()).decision).toMatchObject({ block: {} });
  });

  test("that was asked for and cannot be made is a reason not to start", async () => {
    using folder = temporaryFolder();
    const flags = ["--admin-socket", folder.file("none/a.sock")];
    expect(await refusalCode({ module: MODULE, flags })).toBe("socket-folder-missing");
  });

  test("of a running agent is not taken from it", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    const flags = ["--admin-socket", agent.admin.unix];
    expect(await refusalCode({ module: MODULE, flags })).toBe("socket-in-use");
    expect((await askAdmin(agent.admin, "/livez")).status).toBe(200);
  });

  test("of an agent whose module cannot be used is gone again", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    expect(await refusalCode({ module: folder.file("none.wasm"), socketPath })).toBe("module-unreadable");
    expect(existsSync(`${socketPath}.admin`)).toBe(false);
  });
});

describe("metrics", () => {
  test("are those of the document, with types, labels and values of labels", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    const { text, series } = await scrape(agent.admin);
    const documented = await documentedMetrics();
    const described = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(
      ([, name, help, type]) => ({ name, type, help }),
    );
    expect(described).toEqual(documented.map(({ name, type, help }) => ({ name, type, help })));
    const values = await documentedLabels();
    for (const { name, labels } of series) {
      const base =
        documented.find((one) => one.name === name.replace(/_(?:bucket|sum|count)$/, "")) ??
        documented.find((one) => one.name === name);
      if (base === undefined) throw new Error(`${name} is not documented`);
      expect(Object.keys(labels).filter((label) => label !== "le")).toEqual([...base.labels]);
      for (const [label, value] of Object.entries(labels)) {
        if (["module", "code", "version", "bun", "sha256", "le"].includes(label)) continue;
        expect([...(values.get(label) ?? [])]).toContain(value);
      }
    }
  });

  test("count every event that was sent, to the last one", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("trap-on-marker") });
    const v1 = await V1Proxy.connect(agent.socketPath);
    const v2 = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < 50; i++) await v1.request({ id: `v1-${i}` });
    await Promise.all(Array.from({ length: 300 }, (_, i) => v2.request({ id: `v2-${i}` })));
    for (let i = 0; i < 40; i++) await v2.response({ id: `v2-${i}` });
    for (let i = 0; i < 7; i++) await v2.requestBody({ id: `v2-${i}` });
    for (let i = 0; i < 5; i++) await v2.request({ id: `boom-${i}` });
    const metrics = await scrape(agent.admin);
    expect(metrics.nonZero("wasm_agent_events_total")).toEqual([
      "request_headers allow guest: 350",
      "request_headers block fail_policy: 5",
      "request_body_chunk allow none: 7",
      "response_headers allow guest: 40",
    ]);
    expect(metrics.nonZero("wasm_agent_failures_total")).toEqual(["trap-on-marker guest-trap: 5"]);
    expect(metrics.nonZero("wasm_agent_instance_replacements_total")).toEqual(["trap-on-marker trap: 5"]);
    expect(metrics.nonZero("wasm_agent_connections")).toEqual(["v1: 1", "v2: 1"]);
    expect(metrics.sum("wasm_agent_event_duration_seconds_count")).toBe(402);
    expect(metrics.sum("wasm_agent_events_in_flight")).toBe(0);
    expect(metrics.sum("wasm_agent_guest_duration_seconds_count")).toBeGreaterThan(0);
  });

  test("tell what a heavy guest does on its threads", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("compute"),
      flags: ["--dispatch", "workers", "--pool-size", "2"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    while ((await scrape(agent.admin)).sum("wasm_agent_threads") < 2) await Bun.sleep(5);
    await Promise.all(Array.from({ length: 20 }, (_, i) => proxy.request({ id: `${i}` })));
    const metrics = await scrape(agent.admin);
    // A call that was stopped on the event loop is made again on a thread.
    const calls = 20 + metrics.sum("wasm_agent_inline_overruns_total");
    expect(metrics.sum("wasm_agent_guest_duration_seconds_count")).toBe(calls);
    expect(metrics.sum("wasm_agent_guest_fuel_units_sum")).toBeGreaterThan(100_000);
    expect(metrics.sum("wasm_agent_queue_duration_seconds_count")).toBeGreaterThan(0);
    expect(metrics.sum("wasm_agent_guest_memory_bytes")).toBeGreaterThan(0);
  });

  test("go on over a reload", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    const proxy = await V1Proxy.connect(agent.socketPath);
    await proxy.request();
    await askAdmin(agent.admin, "/reload", { method: "POST" });
    await proxy.request();
    const metrics = await scrape(agent.admin);
    expect(metrics.sum("wasm_agent_events_total")).toBe(2);
    expect(metrics.sum("wasm_agent_guest_duration_seconds_count")).toBe(2);
    expect(metrics.nonZero("wasm_agent_reloads_total")).toEqual(["block success: 1"]);
  });

  test("are written to a file, which goes with the agent", async () => {
    using folder = temporaryFolder();
    const path = folder.file("agent.prom");
    await using agent = await AgentProcess.start({ module: MODULE, flags: ["--metrics-file", path] });
    expect(new ScrapedMetrics(readFileSync(path, "utf8")).sum("wasm_agent_ready")).toBe(1);
    agent.signal("SIGTERM");
    await agent.exited;
    expect(existsSync(path)).toBe(false);
  });
});

describe("readiness", () => {
  test("is not there yet while the module is loaded, which the agent answers nevertheless", async () => {
    await using agent = AgentProcess.launch({ module: LARGE_MODULE });
    while (!existsSync(agent.admin.unix)) await Bun.sleep(1);
    expect(await readiness(agent.admin)).toBe("503 not ready: module, socket, instance, serving");
    await agent.line("ready");
    expect(await readiness(agent.admin)).toBe("200 ready");
  });

  test("stays over a reload that fails, which metrics and status tell", async () => {
    using folder = temporaryFolder();
    const module = folder.file("policy.wasm");
    writeFileSync(module, readFileSync(MODULE));
    await using agent = await AgentProcess.start({ module });
    writeFileSync(module, "no module");
    const { status, text } = await askAdmin(agent.admin, "/reload", { method: "POST" });
    expect([status, JSON.parse(text)]).toEqual([
      422,
      { result: "failure", code: "module-not-wasm", problem: expect.any(String) },
    ]);
    expect(await readiness(agent.admin)).toBe("200 ready");
    const metrics = await scrape(agent.admin);
    expect(metrics.sum("wasm_agent_last_reload_successful")).toBe(0);
    expect(metrics.nonZero("wasm_agent_reloads_total")).toEqual(["policy failure: 1"]);
    writeFileSync(module, readFileSync(guestPath("allow")));
    expect((await askAdmin(agent.admin, "/reload", { method: "POST" })).status).toBe(200);
    expect((await scrape(agent.admin)).sum("wasm_agent_last_reload_successful")).toBe(1);
  });

  test("ends when the agent drains, while its last events are answered", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("compute-long"),
      flags: ["--dispatch", "workers", "--pool-size", "1", "--timeout-ms", "20000"],
    });
    const proxy = await V1Proxy.connect(agent.socketPath);
    const answer = proxy.request();
    while ((await scrape(agent.admin)).sum("wasm_agent_events_in_flight") === 0) await Bun.sleep(2);
    agent.signal("SIGTERM");
    await agent.line("stopping");
    expect(await readiness(agent.admin)).toBe("503 not ready: serving");
    expect((await askAdmin(agent.admin, "/reload", { method: "POST" })).status).toBe(503);
    await answer;
    expect(await agent.exited).toBe(0);
  });

  test("ends when the module refuses the proxy's configuration, and comes back with a good one", async () => {
    await using agent = await AgentProcess.start({ module: guestPath("configure-refuse") });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await proxy.configure({ a: 1 }, 1);
    expect(await readiness(agent.admin)).toBe("503 not ready: configuration");
    expect((await scrape(agent.admin)).nonZero("wasm_agent_config_pushes_total")).toEqual(["refused: 1"]);
    await proxy.configure(null, 2);
    expect(await readiness(agent.admin)).toBe("200 ready");
  });

  test("is that of the new agent after a take-over", async () => {
    await using old = await AgentProcess.start({ module: MODULE });
    await using next = await AgentProcess.start({
      module: guestPath("allow"),
      socketPath: old.socketPath,
      flags: ["--takeover"],
    });
    expect(await old.exited).toBe(0);
    expect(await readiness(next.admin)).toBe("200 ready");
    expect((await scrape(next.admin)).sum("wasm_agent_module_info", { module: "allow" })).toBe(1);
  });
});

describe("the status", () => {
  test("has the published shape, before and after events, and no secrets", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("trap-on-marker"),
      env: { SOME_SECRET: "hunter2" },
    });
    for (const _ of [1, 2]) {
      const { text } = await askAdmin(agent.admin, "/status");
      const status = JSON.parse(text) as object;
      expect([isStatus(status), isStatus.errors]).toEqual([true, null]);
      expect(text).not.toContain("hunter2");
      const proxy = await V2Proxy.connect(agent.socketPath);
      await proxy.configure({ token: "hunter2" }, 1);
      await proxy.request({ id: "boom-hunter2", uri: "/?hunter2", headers: { cookie: ["hunter2"] } });
    }
    expect(JSON.parse((await askAdmin(agent.admin, "/status")).text)).toMatchObject({
      pid: agent.pid,
      ready: true,
      phase: "serving",
      module: { name: "trap-on-marker", abi: "json", limits: true },
      guest: { failures: { "guest-trap": 2 }, replacements: { trap: 2 } },
    });
  });
});

test("the log level can be changed while the agent serves", async () => {
  await using agent = await AgentProcess.start({ module: MODULE });
  const proxy = await V1Proxy.connect(agent.socketPath);
  await proxy.request({ id: "quiet" });
  expect((await askAdmin(agent.admin, "/log-level?level=debug", { method: "POST" })).text).toBe("debug\n");
  await proxy.request({ id: "loud" });
  expect(await agent.line("verdict")).toMatchObject({ correlation_id: "loud", decision: "block" });
  await askAdmin(agent.admin, "/log-level?level=info", { method: "POST" });
  expect((await askAdmin(agent.admin, "/log-level")).text).toBe("info\n");
});

test("a profile names the guest's functions", async () => {
  await using agent = await AgentProcess.start({
    module: guestPath("compute"),
    flags: ["--dispatch", "inline"],
  });
  const proxy = await V1Proxy.connect(agent.socketPath);
  let isOver = false;
  const asking = (async () => {
    while (!isOver) await proxy.request();
  })();
  const profiles = ["1", "0.2"].map((seconds) =>
    askAdmin(agent.admin, `/profile?seconds=${seconds}`, { method: "POST" }),
  );
  const [taken, other] = await Promise.all(profiles);
  isOver = true;
  await asking;
  expect([taken!.status, other!.status].sort()).toEqual([200, 409]);
  const { nodes } = JSON.parse((taken!.status === 200 ? taken : other)!.text) as {
    readonly nodes: readonly {
      readonly callFrame: { readonly functionName: string; readonly url: string };
    }[];
  };
  const guest = nodes.filter(({ callFrame }) => callFrame.url === "wasm://compute");
  expect(guest.map(({ callFrame }) => callFrame.functionName)).toContain("handle");
});

describe("over TCP", () => {
  test("metrics, health and status can be looked at, and nothing else", async () => {
    const { agent, tcp } = await startWithTcp();
    await using _ = agent;
    for (const path of ["/metrics", "/livez", "/readyz", "/healthz", "/status"]) {
      expect((await askAdmin(tcp, path)).status).toBe(200);
    }
    for (const path of ["/reload", "/log-level?level=debug", "/profile?seconds=1", "/tail"]) {
      for (const method of ["GET", "POST", "PUT"])
        expect((await askAdmin(tcp, path, { method })).status).toBe(404);
    }
    expect((await askAdmin(tcp, "/metrics", { method: "POST" })).status).toBe(405);
    expect((await askAdmin(agent.admin, "/log-level")).text).toBe("info\n");
    expect((await scrape(tcp)).sum("wasm_agent_reloads_total")).toBe(0);
  });

  test("a name in the Host header is refused", async () => {
    const { agent, tcp } = await startWithTcp();
    await using _ = agent;
    const answer = await sendRaw(tcp, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    expect(answer).toStartWith("HTTP/1.1 421 ");
  });

  test("a port that is taken is a reason not to start", async () => {
    const { agent, tcp } = await startWithTcp();
    await using _ = agent;
    const flags = ["--admin-address", `127.0.0.1:${"port" in tcp ? tcp.port : 0}`];
    expect(await refusalCode({ module: MODULE, flags })).toBe("socket-failed");
  });
});

describe.skipIf(!IS_LINUX)("sockets that the service manager passes on", () => {
  const launcher = (count: number, names: string) => [
    "sh",
    "-c",
    `LISTEN_PID=$$ LISTEN_FDS=${count} LISTEN_FDNAMES=${names} exec "$0" "$@"`,
  ];

  test("by the name admin are served as what they are: all on a Unix socket, looking alone over TCP", async () => {
    using folder = temporaryFolder();
    const own = folder.file("own.sock");
    const unix = folder.file("admin.sock");
    using ownSocket = await listenOn(own);
    using adminSocket = await listenOn(unix);
    using tcpSocket = await listenOnTcp();
    await using agent = await AgentProcess.start({
      module: MODULE,
      launcher: launcher(3, "admin:agent.socket:admin"),
      inheritedFds: [adminSocket.fd, ownSocket.fd, tcpSocket.fd],
    });
    const tcp = { hostname: "127.0.0.1", port: tcpSocket.port };
    expect((await (await V1Proxy.connect(own)).request()).decision).toMatchObject({ block: {} });
    for (const place of [{ unix }, tcp]) expect((await scrape(place)).sum("wasm_agent_events_total")).toBe(1);
    expect((await askAdmin({ unix }, "/reload", { method: "POST" })).status).toBe(200);
    expect((await askAdmin(tcp, "/reload", { method: "POST" })).status).toBe(404);
    // With one that was passed, none is made beside the agent's own.
    expect(existsSync(agent.admin.unix)).toBe(false);
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect([own, unix].map((path) => lstatSync(path).isSocket())).toEqual([true, true]);
  });
});

test.skipIf(!IS_LINUX)("the service manager's watchdog is told as long as the event loop turns", async () => {
  using folder = temporaryFolder();
  using manager = new DatagramReceiver(folder.file("notify"));
  await using agent = await AgentProcess.start({
    module: MODULE,
    env: { NOTIFY_SOCKET: folder.file("notify"), WATCHDOG_USEC: "100000" },
  });
  let told = 0;
  while (told < 3) {
    const message = manager.receive();
    if (message === null) await Bun.sleep(5);
    else if (message === "WATCHDOG=1") told++;
  }
  agent.signal("SIGTERM");
  await agent.exited;
});
