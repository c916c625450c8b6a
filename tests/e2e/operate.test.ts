/** The commands for a running agent, against the executable. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import statusSchema from "../../docs/schema/status.json" with { type: "json" };
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess, agentCommand } from "../support/agent-process.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...argv: readonly string[]): Promise<Ended> {
  const ran = Bun.spawn([...agentCommand(), ...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [exitCode, stdout, stderr] = await Promise.all([ran.exited, ran.stdout.text(), ran.stderr.text()]);
  return { exitCode, stdout, stderr };
}

describe("a running agent", () => {
  const folder = temporaryFolder();
  const module = folder.file("policy.wasm");
  let agent: AgentProcess;
  let proxy: V2Proxy;
  let place: readonly string[];

  beforeAll(async () => {
    await Bun.write(module, Bun.file(examplePolicy("rust")));
    agent = await AgentProcess.start({ module });
    place = ["--socket", agent.socketPath];
    proxy = await V2Proxy.connect(agent.socketPath);
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test("says how it is, in words and by the schema", async () => {
    for (let i = 0; i < 3; i++) await proxy.request({ id: `a${i}`, uri: "/" });
    await proxy.request({ id: "b", uri: "/admin" });
    const words = await run("status", ...place);
    expect(words).toMatchObject({ exitCode: 0, stderr: "" });
    expect(words.stdout).toStartWith("ready\n");
    expect(words.stdout).toContain("3 allow, 1 block, 0 redirect, 0 failed; 0 in flight");
    const json = await run("status", ...place, "--json");
    const validate = new Ajv2020().compile(statusSchema);
    expect(validate(JSON.parse(json.stdout)), JSON.stringify(validate.errors)).toBe(true);
  });

  test("says whether it is ready, and is found by its admin socket as well", async () => {
    const ready = { exitCode: 0, stdout: "ready\n", stderr: "" };
    expect(await run("status", "--ready", ...place)).toEqual(ready);
    expect(await run("status", "--ready", "--admin-socket", `${agent.socketPath}.admin`)).toEqual(ready);
  });

  test("loads its module anew, or says why it cannot and serves on", async () => {
    const good = await run("reload", ...place);
    expect(good).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/sha256 [0-9a-f]{64} is served/),
    });
    await Bun.write(module, Bun.file(guestPath("missing-handlers")));
    const bad = await run("reload", ...place);
    expect(bad.exitCode).toBe(1);
    expect(bad.stderr).toContain("(module-missing-export)\nThe module before serves on.\n");
    expect((await proxy.request({ id: "after", uri: "/admin" })).decision).toMatchObject({
      block: { status: 401 },
    });
    expect((await run("status", ...place)).stdout).toContain(
      "the last one failed, the module before serves on",
    );
  });

  test("shows its verdicts as they happen, those that are wanted", async () => {
    const tail = Bun.spawn(
      [...agentCommand(), "tail", ...place, "--decision", "block", "--tag", "admin-blocked"],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const reader = tail.stdout.getReader();
    const first = reader.read();
    let isThere = false;
    void first.then(() => {
      isThere = true;
    });
    // It does not say when it has begun to watch.
    for (let i = 0; !isThere && i < 400; i++) {
      await proxy.request({ id: `allowed-${i}`, uri: "/" });
      await proxy.request({ id: `blocked-${i}`, uri: "/admin/\u001b[31mred?token=secret" });
      await Bun.sleep(20);
    }
    const text = new TextDecoder().decode((await first).value);
    expect(text).toMatch(/^\d\d:\d\d:\d\d {2}block 401 .* GET \/admin\/\\u001b\[31mred {2}admin-blocked\n/);
    expect(text).not.toContain("secret");
    expect(text).not.toContain("allow");
    tail.kill("SIGINT");
    expect(await tail.exited).toBe(0);
  });

  test("is watched line by line where there is no terminal", async () => {
    const watching = run("top", ...place, "--count", "2");
    const { exitCode, stdout, stderr } = await watching;
    expect([exitCode, stderr]).toEqual([0, ""]);
    const [head, ...lines] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^time +events\/s/);
    expect(lines).toHaveLength(2);
  });

  test("is watched no longer than somebody reads", async () => {
    const command = [...agentCommand(), "top", ...place].map((word) => `'${word}'`).join(" ");
    const piped = Bun.spawnSync(["sh", "-c", `${command} | head -n 1`], { timeout: 20_000 });
    expect(piped.exitCode).toBe(0);
    expect(piped.stdout.toString()).toMatch(/^time +events/);
  });

  test("is profiled into a file", async () => {
    const path = folder.file("agent.cpuprofile");
    expect(await run("profile", ...place, "--seconds", "1", "-o", path)).toMatchObject({ exitCode: 0 });
    expect(Object.keys(await Bun.file(path).json())).toContain("nodes");
    const unwritable = await run("profile", ...place, "--seconds", "1", "-o", folder.file("no/such/../"));
    expect(unwritable.exitCode).toBe(2);
    expect(unwritable.stderr).toContain("(output-unwritable)");
  });

  test("ends those who watch it when it ends", async () => {
    const tail = run("tail", ...place);
    await Bun.sleep(500);
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect(await tail).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("no running agent", () => {
  test.each(["status", "reload", "tail", "top", "profile"])(
    "%s says what was tried and what to do",
    async (command) => {
      using folder = temporaryFolder();
      const { exitCode, stdout, stderr } = await run(command, "--socket", folder.file("nobody.sock"));
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`there is no socket ${folder.file("nobody.sock")}.admin`);
      expect(stderr).toContain("--admin-socket");
      expect(stderr).toContain("(agent-unreachable)");
    },
  );

  test.each([
    ["half an object", '{"version":"1.0.0","checks":['],
    ["another object", '{"hello":"world"}'],
    ["no JSON", "<html>"],
  ])("but something that answers with %s is told apart", async (_what, body) => {
    using folder = temporaryFolder();
    using _server = Bun.serve({ unix: folder.file("a.admin"), fetch: () => new Response(body) });
    for (const command of ["status", "reload", "top"]) {
      const { exitCode, stdout, stderr } = await run(command, "--socket", folder.file("a"));
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain("(agent-refused)");
    }
    const tail = await run("tail", "--socket", folder.file("a"));
    expect(tail).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("behind a socket file of a dead one", async () => {
    await using dead = await AgentProcess.start({ module: guestPath("constant") });
    dead.signal("SIGKILL");
    await dead.exited;
    expect(await run("status", "--socket", dead.socketPath)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("no agent answers"),
    });
  });
});
