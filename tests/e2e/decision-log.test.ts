/** A line for each decision, against the executable. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { renameSync, statSync } from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { askAdmin } from "../support/admin-client.ts";
import { AgentProcess, agentCommand } from "../support/agent-process.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { ScrapedMetrics } from "../support/scraped-metrics.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

interface DecisionLine {
  readonly decision_id: string;
  readonly module_sha256: string;
  readonly event: { readonly kind: string; readonly uri?: string; readonly body?: string };
  readonly verdict: { readonly decision: string };
  readonly failure?: { readonly code: string };
  readonly [key: string]: unknown;
}

async function readLines(path: string, count: number): Promise<DecisionLine[]> {
  for (let i = 0; i < 200; i++) {
    const text = await Bun.file(path)
      .text()
      .catch(() => "");
    const lines = text.split("\n").slice(0, -1);
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as DecisionLine);
    await Bun.sleep(20);
  }
  throw new Error(`${path} never had ${count} lines`);
}

test("each event that was decided has a line with its id, its module and its verdict, and no secret", async () => {
  using folder = temporaryFolder();
  const path = folder.file("decisions.jsonl");
  const module = guestPath("replace-bytes");
  await using agent = await AgentProcess.start({ module, flags: ["--decision-log", path] });
  const proxy = await V2Proxy.connect(agent.socketPath);
  const headers = { host: ["a.test"], authorization: ["Bearer hidden"] };
  await proxy.request({ id: "a", uri: "/a", method: "POST", headers });
  await proxy.requestBody({ id: "a", bytes: Buffer.from("a secret"), isStreamed: true });
  const [request, body] = await readLines(path, 2);
  expect(request).toMatchObject({
    decision_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    module_sha256: new Bun.CryptoHasher("sha256").update(await Bun.file(module).bytes()).digest("hex"),
    event: { uri: "/a", headers: { authorization: ["[redacted]"] } },
    verdict: { decision: "allow" },
    us: expect.any(Number),
  });
  expect(body?.decision_id).not.toBe(request?.decision_id);
  expect(body).toMatchObject({ event: { kind: "request_body", bytes_so_far: 8 }, replaced_by_bytes: 8 });
  expect(Object.keys(body?.event ?? {})).not.toContain("body_base64");
  const text = await Bun.file(path).text();
  for (const secret of ["hidden", "a secret", 'replaced"']) expect(text).not.toContain(secret);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("of what is allowed a share is logged; blocks and failures all are", async () => {
  using folder = temporaryFolder();
  const path = folder.file("decisions.jsonl");
  const flags = ["--decision-log", path, "--decision-log-sample", "0"];
  await using agent = await AgentProcess.start({ module: guestPath("trap-on-marker"), flags });
  const proxy = await V2Proxy.connect(agent.socketPath);
  for (let i = 0; i < 20; i++) await proxy.request({ id: `allowed-${i}`, uri: "/" });
  await proxy.request({ id: "fails", uri: "/boom" });
  const lines = await readLines(path, 1);
  expect(lines).toMatchObject([
    { event: { uri: "/boom" }, verdict: { decision: "block" }, failure: { code: "guest-trap" } },
  ]);
});

test("SIGHUP opens the file anew, so that it can be rotated", async () => {
  using folder = temporaryFolder();
  const path = folder.file("decisions.jsonl");
  await using agent = await AgentProcess.start({
    module: examplePolicy("rust"),
    flags: ["--decision-log", path],
  });
  const proxy = await V2Proxy.connect(agent.socketPath);
  await proxy.request({ id: "before", uri: "/before" });
  await readLines(path, 1);
  renameSync(path, `${path}.1`);
  await proxy.request({ id: "between", uri: "/between" });
  await readLines(`${path}.1`, 2);
  agent.signal("SIGHUP");
  await agent.line("reloaded the module");
  await proxy.request({ id: "after", uri: "/after" });
  expect((await readLines(path, 1)).map(({ event }) => event.uri)).toEqual(["/after"]);
});

test("on standard output, a reader who does not read costs lines and no answers", async () => {
  using folder = temporaryFolder();
  const socketPath = folder.file("agent.sock");
  const agent = Bun.spawn(
    [...agentCommand(), "--module", guestPath("echo"), "--socket", socketPath, "--decision-log", "-"],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  try {
    for (let i = 0; (await V2Proxy.connect(socketPath).catch(() => null)) === null && i < 200; i++) {
      await Bun.sleep(20);
    }
    const proxy = await V2Proxy.connect(socketPath);
    const big = "x".repeat(16 * 1024);
    for (let i = 0; i < 1000; i++) {
      expect((await proxy.request({ id: `r${i}`, headers: { big: [big] } })).decision).toBe("allow");
    }
    let dropped = 0;
    for (let i = 0; dropped === 0 && i < 100; i++) {
      const metrics = new ScrapedMetrics((await askAdmin({ unix: `${socketPath}.admin` }, "/metrics")).text);
      dropped = metrics.sum("wasm_agent_decision_log_lines_dropped_total");
      await Bun.sleep(20);
    }
    expect(dropped).toBeGreaterThan(0);
  } finally {
    agent.kill("SIGKILL");
    await agent.exited;
  }
});

test.each([
  ["--decision-log", "decision-log-unwritable"],
  ["--record", "recording-unwritable"],
])(
  "%s ends the start with a sentence when it cannot be written, or is a pipe without a reader",
  async (flag, code) => {
    using folder = temporaryFolder();
    const pipe = folder.file("pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    for (const path of ["/proc/no/such/file", pipe]) {
      await using agent = AgentProcess.launch({ module: guestPath("constant"), flags: [flag, path] });
      expect(await agent.exited).toBe(2);
      expect(agent.complaints.join("\n")).toContain(`(${code})`);
    }
  },
);

test("a pipe without a reader in the file's place keeps the file before, and serving", async () => {
  using folder = temporaryFolder();
  const path = folder.file("decisions.jsonl");
  await using agent = await AgentProcess.start({
    module: guestPath("constant"),
    flags: ["--decision-log", path],
  });
  const proxy = await V2Proxy.connect(agent.socketPath);
  renameSync(path, `${path}.1`);
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  agent.signal("SIGHUP");
  await agent.line("the decision log cannot be opened anew; the file before goes on");
  await proxy.request({ id: "after", uri: "/after" });
  expect(await readLines(`${path}.1`, 1)).toMatchObject([{ event: { uri: "/after" } }]);
});

test("a disk that is full costs lines, which are counted, and no answers", async () => {
  await using agent = await AgentProcess.start({
    module: guestPath("constant"),
    flags: ["--decision-log", "/dev/full"],
  });
  const proxy = await V2Proxy.connect(agent.socketPath);
  for (let i = 0; i < 100; i++) expect((await proxy.request({ id: `r${i}` })).decision).toBe("allow");
  await agent.line("decisions are lost: the decision log cannot be written (said once)");
  const place = { unix: `${agent.socketPath}.admin` };
  const lost = async () =>
    new ScrapedMetrics((await askAdmin(place, "/metrics")).text).sum(
      "wasm_agent_decision_log_lines_dropped_total",
    );
  for (let i = 0; (await lost()) < 100 && i < 100; i++) await Bun.sleep(20);
  expect(await lost()).toBe(100);
});
