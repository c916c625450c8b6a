/** From a serving agent to a file, and from the file to another module. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";
import { authorPrograms } from "./author-program.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

let folder: TemporaryFolder;
let recording: string;
let bodies: string;

beforeAll(async () => {
  folder = temporaryFolder();
  recording = folder.file("events.jsonl");
  await using agent = await AgentProcess.start({
    module: examplePolicy("rust"),
    flags: ["--record", recording],
  });
  const v2 = await V2Proxy.connect(agent.socketPath);
  await v2.request({ id: "plain", headers: { host: ["a.test"], cookie: ["secret=1"] } });
  await v2.request({ id: "admin", uri: "/admin" });
  await v2.response({ id: "plain", status: 404 });
  const v1 = await V1Proxy.connect(agent.socketPath);
  await v1.request({ id: "v1", uri: "/a?q=<script>" });
  agent.signal("SIGTERM");
  await agent.exited;
  bodies = folder.file("bodies.jsonl");
  await recordBodies();
});

/** A module that replaces every body by eight bytes, and an upload of which the second piece is a byte too long. */
async function recordBodies(): Promise<void> {
  await using agent = await AgentProcess.start({
    module: guestPath("replace-bytes"),
    flags: ["--record", bodies],
  });
  const proxy = await V2Proxy.connect(agent.socketPath);
  const id = "upload";
  await proxy.request({ id, method: "POST", headers: { "content-length": ["17"] } });
  await proxy.requestBody({ id, bytes: "abcdefgh", isLast: false, isStreamed: true });
  await proxy.requestBody({ id, bytes: "ijklmnopq", index: 1, bytesSoFar: 17, isStreamed: true });
  await proxy.response({ id: "other" });
  await proxy.responseBody({ id: "other", bytes: "body" });
  await proxy.frame({ id: "socket" });
  await proxy.guardrail({ id: "chat" });
  agent.signal("SIGTERM");
  await agent.exited;
}

afterAll(() => folder[Symbol.dispose]());

describe("an agent with --record", () => {
  test("writes every event that was answered, in order, whatever the protocol", () => {
    const lines = readFileSync(recording, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => [event.correlation_id, event.uri ?? event.status])).toEqual([
      ["plain", "/"],
      ["admin", "/admin"],
      ["plain", 404],
      ["v1", "/a?q=<script>"],
    ]);
    expect(lines[1].outcome).toEqual({
      decision: "block",
      status: 401,
      body: "Authentication required",
      tags: ["admin-blocked"],
    });
    for (const { time, us } of lines) {
      expect(new Date(time).toISOString()).toBe(time);
      expect(us).toBeGreaterThan(0);
    }
  });

  test("keeps cookies out of a file that only its owner can read", () => {
    const text = readFileSync(recording, "utf8");
    expect(text).toContain('"cookie":["[redacted]"]');
    expect(text).not.toContain("secret");
    expect(statSync(recording).mode & 0o777).toBe(0o600);
  });

  test("records failures by their code", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("trap"),
      flags: ["--record", folder.file("t")],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await proxy.request({});
    agent.signal("SIGTERM");
    await agent.exited;
    expect(JSON.parse(readFileSync(folder.file("t"), "utf8")).outcome).toEqual({
      failure: "guest-trap",
      reason: expect.stringContaining("the guest trapped in"),
    });
  });

  test("writes bodies, frames and guardrail checks with what the module made of them", () => {
    const lines = readFileSync(bodies, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event.kind ?? "headers")).toEqual([
      "headers",
      "request_body",
      "request_body",
      "headers",
      "response_body",
      "websocket_frame",
      "guardrail",
    ]);
    const [, first, last, , response, frame] = lines;
    expect(first).toMatchObject({
      event: {
        body_base64: Buffer.from("abcdefgh").toString("base64"),
        total_size: null,
        can_replace: true,
        keep_length: true,
      },
      outcome: { decision: "allow", replace_body: "replaced", needs_more: true },
    });
    expect(last).toMatchObject({ outcome: { failure: "guest-body-length" } });
    expect(response).toMatchObject({ outcome: { decision: "allow", replace_body: "replaced" } });
    expect(frame).toMatchObject({ event: { payload_base64: "aGk=", opcode: "text" } });
  });

  test("goes on serving when the file has reached its bound", async () => {
    const flags = ["--record", folder.file("small"), "--record-max", "1KiB"];
    await using agent = await AgentProcess.start({ module: guestPath("block"), flags });
    const proxy = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < 20; i++) await proxy.request({ id: `r${i}` });
    await agent.line("recording has ended: the file has reached its bound (--record-max)");
    const answer = await proxy.request({ id: "after" });
    expect(JSON.stringify(answer)).toContain("451");
    expect(statSync(folder.file("small")).size).toBeLessThanOrEqual(1024);
  });

  test("does not start when the file cannot be written", async () => {
    const agent = AgentProcess.launch({
      module: guestPath("allow"),
      flags: ["--record", "/nonexistent/events"],
    });
    expect(await agent.exited).toBe(2);
    expect(agent.said()).toContain(
      "cannot write the recording /nonexistent/events: there is no such file or folder (recording-unwritable)",
    );
    await agent[Symbol.asyncDispose]();
  });
});

for (const program of authorPrograms()) {
  describe(`replay, by ${program.name}`, () => {
    test("ends with 0 when the module decides as before", () => {
      expect(program.run(["replay", recording, "--module", examplePolicy("rust")])).toEqual({
        exitCode: 0,
        stdout: "4 events, no verdict differs.\n1 of them with header values that were not recorded.\n",
        stderr: "",
      });
    });

    test("asks about bodies as they were recorded, in their exchanges", () => {
      expect(program.run(["replay", bodies, "--module", guestPath("replace-bytes")]).stdout).toBe(
        "7 events, no verdict differs.\n",
      );
      const { stdout } = program.run(["replay", bodies, "--module", guestPath("echo-bytes")]);
      expect(stdout).toContain("line 2  request body chunk 0, 8 bytes\n  allow, as before\n");
      expect(stdout).toContain('    replace_body: "replaced" → nothing\n');
      expect(stdout).toContain(
        "line 3  request body chunk 1 (last), 9 bytes\n  failure guest-body-length → allow\n",
      );
    });

    test("finds no difference between the same policy in two languages", () => {
      for (const language of ["go", "c", "assemblyscript", "zig"] as const) {
        expect(program.run(["replay", recording, "--module", examplePolicy(language)]).exitCode).toBe(0);
      }
    });

    test("shows each verdict that differs, and ends with 1", () => {
      const { exitCode, stdout } = program.run(["replay", recording, "--module", guestPath("block")]);
      expect(exitCode).toBe(1);
      expect(stdout).toStartWith('line 1  GET /\n  allow → block 451 "not here"\n');
      expect(stdout).toContain('    request_headers: x-client-ip: set "203.0.113.9" → nothing\n');
      expect(stdout).toContain(
        'line 2  GET /admin\n  block 401 "Authentication required" → block 451 "not here"\n',
      );
      expect(stdout).toContain('    tags: ["admin-blocked"] → ["blocked"]\n');
      expect(stdout).toEndWith(
        "\n4 events, 4 verdicts differ.\n1 of them with header values that were not recorded.\n",
      );
    });

    test("goes on after a failure of the module", () => {
      const { exitCode, stdout } = program.run(["replay", recording, "--module", guestPath("trap")]);
      expect(exitCode).toBe(1);
      expect(stdout.match(/→ failure guest-trap$/gm)).toHaveLength(4);
    });

    test("prints JSON lines for programs", () => {
      const { stdout } = program.run(["replay", recording, "--module", guestPath("block"), "--json"]);
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines[1]).toMatchObject({
        line: 2,
        correlation_id: "admin",
        before: { decision: "block", status: 401 },
        after: { decision: "block", status: 451 },
        differences: [
          { where: "decision" },
          { where: "tags", before: '["admin-blocked"]', after: '["blocked"]' },
        ],
      });
      expect(lines.at(-1)).toEqual({ events: 4, different: 4, redacted: 1 });
    });

    test("says that the last line was left out when it ends in its middle", async () => {
      using folder = temporaryFolder();
      const cut = folder.file("cut.jsonl");
      await Bun.write(cut, (await Bun.file(recording).text()).trimEnd().slice(0, -5));
      const argv = ["replay", cut, "--module", examplePolicy("rust")];
      const { stdout } = program.run(argv);
      expect(stdout).toContain("3 events, ");
      expect(stdout).toEndWith("Line 4 ends in its middle and was left out.\n");
      const json =
        program
          .run([...argv, "--json"])
          .stdout.trimEnd()
          .split("\n")
          .at(-1) ?? "";
      expect(JSON.parse(json)).toMatchObject({ events: 3, cut_line: 4 });
    });

    test("needs a module and a recording that can be read", () => {
      expect(program.run(["replay", recording])).toMatchObject({ exitCode: 2 });
      expect(program.run(["replay", "/nonexistent", "--module", guestPath("allow")])).toMatchObject({
        exitCode: 2,
        stderr:
          "sentinel-wasm-agent: cannot read the recording /nonexistent: there is no such file or folder (recording-unreadable)\n",
      });
      writeFileSync(folder.file("nothing"), "");
      expect(program.run(["replay", folder.file("nothing"), "--module", guestPath("allow")])).toMatchObject({
        exitCode: 2,
        stdout: "",
        stderr: `sentinel-wasm-agent: the recording ${folder.file("nothing")} holds no events (recording-empty)\n`,
      });
      writeFileSync(folder.file("log"), '{"level":"info"}\n');
      const { exitCode, stderr } = program.run([
        "replay",
        folder.file("log"),
        "--module",
        guestPath("allow"),
      ]);
      expect([exitCode, stderr.split("(")[1]]).toEqual([2, "recording-line)\n"]);
    });

    test("reads a recording from standard input", () => {
      const input = readFileSync(recording, "utf8");
      const { exitCode, stdout } = program.run(["replay", "-", "--module", examplePolicy("c")], { input });
      expect([exitCode, stdout.split("\n")[0]]).toEqual([0, "4 events, no verdict differs."]);
    });

    test("says which of its two files is no module", () => {
      const { exitCode, stderr } = program.run(["replay", recording, "--module", recording]);
      expect([exitCode, stderr.split(" (")[0]]).toEqual([
        2,
        `sentinel-wasm-agent: ${recording}: the file is not a WebAssembly binary`,
      ]);
    });

    test("call takes one of its lines", () => {
      const { stdout } = program.run(["call", examplePolicy("c"), "--event", recording, "--line", "2"]);
      expect(stdout).toStartWith('GET /admin → block 401 "Authentication required"\n');
    });
  });
}
