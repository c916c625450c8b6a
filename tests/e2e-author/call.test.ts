import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { guestPath } from "../guests/guest-path.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { authorPrograms } from "./author-program.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

const POLICY = examplePolicy("rust");

for (const program of authorPrograms()) {
  describe(`call, by ${program.name}`, () => {
    test("shows what a module makes of a request, and ends with 0 for allow", () => {
      const { exitCode, stdout, stderr } = program.run(["call", POLICY, "--client-ip", "203.0.113.9:4711"]);
      expect([exitCode, stderr]).toEqual([0, ""]);
      const [title, ...rest] = stdout.split("\n");
      expect(title).toBe("GET / → allow");
      expect(rest.slice(0, 3)).toEqual([
        "  request headers",
        "    + X-Client-IP: 203.0.113.9",
        "    + X-Wasm-Processed: true",
      ]);
      expect(stdout).toMatch(/^ {2}time {6}[\d.]+ (µs|ms) for the first call of a fresh instance$/m);
      expect(stdout).toMatch(/^ {2}fuel {6}[\d,]+$/m);
      expect(stdout).toMatch(/^ {2}memory {4}[\d.]+ (KiB|MiB)$/m);
    });

    test("ends with 3 for block, and shows the tags", () => {
      const { exitCode, stdout } = program.run(["call", POLICY, "--uri", "/x", "-H", "User-Agent: sqlmap/1"]);
      expect(exitCode).toBe(3);
      expect(stdout).toStartWith('GET /x → block 403 "Forbidden"\n  tags      scanner-blocked\n');
    });

    test("ends with 4 for redirect", () => {
      const { exitCode, stdout } = program.run(["call", guestPath("redirect"), "--method", "POST"]);
      expect([exitCode, stdout.split("\n")[0]]).toEqual([
        4,
        'POST / → redirect 307 to "https://login.test/"',
      ]);
    });

    test("ends with 1 for a module that fails, and names its function", () => {
      const { exitCode, stdout } = program.run(["call", guestPath("trap")]);
      expect(exitCode).toBe(1);
      expect(stdout).toStartWith("GET / → failure guest-trap\n  the guest trapped in ");
    });

    test("stops a module that does not end", () => {
      const { exitCode, stdout } = program.run(["call", guestPath("loop"), "--timeout-ms", "50"]);
      expect([exitCode, stdout.split("\n")[0]]).toEqual([1, "GET / → failure guest-deadline"]);
    });

    test("asks about a response when there is a status, and shows the change of its headers as a diff", () => {
      const { exitCode, stdout } = program.run([
        "call",
        POLICY,
        ...["--status", "200", "--header", "server: nginx", "--header", "x-frame-options: SAMEORIGIN"],
      ]);
      expect(exitCode).toBe(0);
      expect(stdout).toStartWith("response 200 → allow\n  response headers\n");
      const diff = stdout.split("\n").filter((line) => /^ {4}[+-]/.test(line));
      expect(diff.toSorted()).toEqual([
        "    + X-Content-Type-Options: nosniff",
        "    + X-Frame-Options: DENY",
        "    + X-XSS-Protection: 1; mode=block",
        "    - server: nginx",
        "    - x-frame-options: SAMEORIGIN",
      ]);
    });

    test("says when the module has no handler for the event", () => {
      const { exitCode, stdout } = program.run(["call", guestPath("only-request"), "--status", "200"]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("the module has no handler for this event, so it is allowed");
    });

    test("takes the event from a file, from standard input, and flags before both", () => {
      using folder = temporaryFolder();
      const event = '{"uri": "/admin", "headers": {"Authorization": "x"}}';
      writeFileSync(folder.file("event.json"), event);
      const fromFile = program.run(["call", POLICY, "--event", folder.file("event.json")]);
      const fromInput = program.run(["call", POLICY, "--event", "-"], { input: event });
      const withFlag = program.run(["call", POLICY, "--event", "-", "--uri", "/..", "-H", "a:b"], {
        input: event,
      });
      expect(fromFile.stdout).toStartWith("GET /admin → allow\n");
      expect(fromInput.stdout).toStartWith("GET /admin → allow\n");
      expect(withFlag.stdout).toStartWith('GET /.. → block 403 "Forbidden"\n  tags      path-traversal\n');
    });

    test("replaces headers of the file that have the name of a flag", () => {
      const input = '{"headers": {"Host": "a.test", "Cookie": ["a=1", "b=2"]}}';
      const { stdout } = program.run(
        ["call", POLICY, "--event", "-", "-H", "cookie:c", "-H", "cookie:d", "--json"],
        { input },
      );
      expect(JSON.parse(stdout).event.headers).toEqual({ Host: ["a.test"], cookie: ["c", "d"] });
    });

    test("configures the module first", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("config.json"), '{ "mode": "strict" }');
      const { stdout } = program.run([
        "call",
        guestPath("configure-echo"),
        "--config",
        folder.file("config.json"),
      ]);
      expect(stdout).toContain('  tags      {"mode":"strict"}\n');
    });

    test("says when the configuration means nothing to the module", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("config.json"), "{}");
      const argv = ["call", guestPath("allow"), "--config", folder.file("config.json")];
      expect(program.run(argv)).toMatchObject({
        exitCode: 0,
        stderr:
          "the module takes no configuration (it exports no usable on_configure); --config means nothing to it\n",
      });
    });

    test("gives an http-wasm module its configuration byte for byte, JSON or not", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("words.txt"), "secret\n");
      const module = join(import.meta.dir, "../../examples/http-wasm-rust/policy.wasm");
      const config = ["--config", folder.file("words.txt")];
      const argv = ["call", module, ...config, "--status", "200", "--body", "no secrets"];
      const { exitCode, stdout, stderr } = program.run(argv);
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("no ******s");
      expect(program.run(["check", module, ...config])).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining("  ✓ configuration           accepted\n"),
      });
    });

    test.each(["call", "check"])(
      "ends %s with 2 where a module that takes JSON is given something else",
      (command) => {
        using folder = temporaryFolder();
        writeFileSync(folder.file("words.txt"), "secret\n");
        const argv = [command, guestPath("configure-echo"), "--config", folder.file("words.txt")];
        expect(program.run(argv)).toMatchObject({
          exitCode: 2,
          stderr: expect.stringContaining("(configuration-not-json)"),
        });
      },
    );

    test("ends with 2 for a configuration that never ends", () => {
      expect(program.run(["call", guestPath("configure-echo"), "--config", "/dev/zero"])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("(configuration-too-large)"),
      });
    });

    test("shows what the module writes, with nothing that could drive a terminal", () => {
      const { stdout } = program.run(["call", guestPath("write-flood")]);
      expect(stdout).toContain("\n  log\n    ");
      const echo = program.run(["call", guestPath("echo"), "--uri", "/\u001b[2J\u202e"]);
      expect(echo.stdout).toStartWith("GET /\\u001b[2J\\u202e → allow\n");
      expect(echo.stdout).not.toContain("\u001b");
    });

    test("shows what the module called in vain, and how often", () => {
      const guest = guestPath("unknown-wasi-function");
      expect(program.run(["call", guest]).stdout).toContain("\n  refused   fd_frobnicate\n");
      const { stdout } = program.run(["call", guest, "--json"]);
      expect(JSON.parse(stdout).refused).toEqual([{ function: "fd_frobnicate", calls: 1 }]);
      expect(program.run(["call", POLICY]).stdout).not.toContain("refused");
    });

    test("repeats, and tells what a warm call costs", () => {
      const { exitCode, stdout, stderr } = program.run(["call", guestPath("compute"), "--repeat", "100"]);
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("\n100 more calls\n");
      expect(stdout).toMatch(/^ {2}time {6}p50 .+, p99 .+, max .+$/m);
      expect(stdout).toMatch(/^ {2}fuel {6}p50 [\d,]+, max [\d,]+$/m);
      expect(stdout).toMatch(/^ {2}memory {4}.+, no growth$/m);
    });

    test("shows memory that grows", () => {
      const { stdout } = program.run(["call", guestPath("memory-growth"), "--repeat", "50"]);
      expect(stdout).toMatch(/memory .+, grows by 64 KiB with every call$/m);
    });

    test("prints JSON for programs", () => {
      const { exitCode, stdout } = program.run(["call", guestPath("headers"), "--repeat", "10", "--json"]);
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        event: { method: "GET", uri: "/" },
        handled: true,
        outcome: {
          decision: "allow",
          request_headers: [
            { op: "set", name: "X-A", value: "1" },
            { op: "remove", name: "X-B" },
          ],
        },
        log: [],
        fuel: expect.any(Number),
        repeated: { calls: 10, growth_bytes_per_call: 0, decisions: { allow: 10 }, failure: null },
      });
    });

    test("asks about the body of a request behind its headers, with the length that a client announces", () => {
      const { exitCode, stdout } = program.run([
        "call",
        guestPath("echo-bytes-request"),
        ...["--uri", "/comments", "--body", "hi", "--json"],
      ]);
      expect(exitCode).toBe(0);
      const { before, event, outcome } = JSON.parse(stdout);
      expect(before).toMatchObject([
        { event: { method: "POST", uri: "/comments", headers: { "content-length": ["2"] } }, handled: true },
      ]);
      expect(event).toMatchObject({ kind: "request_body", body_base64: "aGk=", total_size: 2 });
      expect(outcome.custom).toMatchObject({
        bytes: "6869",
        input: { total_size: 2, truncated: false, request: { method: "POST", uri: "/comments" } },
      });
    });

    test("shows both answers, and says when a body is not all that was announced", () => {
      const { stdout } = program.run([
        "call",
        guestPath("echo-bytes"),
        ...["--body", "hi", "-H", "content-length: 3"],
      ]);
      expect(stdout).toMatch(/^POST \/ → allow\n/);
      expect(stdout).toMatch(/^request body, 2 bytes → allow\n {2}truncated /m);
    });

    test("never sends the body of a request that is refused", () => {
      const { exitCode, stdout } = program.run(["call", POLICY, "--uri", "/admin", "--body", "hi"]);
      expect(exitCode).toBe(3);
      expect(stdout).toStartWith('POST /admin → block 401 "Authentication required"\n');
      expect(stdout).toContain("\nrequest body, 2 bytes: never sent after that\n");
    });

    test("streams a body in pieces, which can be replaced, and says with what", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("body"), "x".repeat(65_536 + 10));
      const { exitCode, stdout } = program.run([
        "call",
        guestPath("replace-bytes"),
        ...["--body-file", folder.file("body"), "--body-mode", "stream", "-H", "transfer-encoding: chunked"],
      ]);
      expect(exitCode).toBe(0);
      expect(stdout.split("\n").filter((line) => /→|body /.test(line))).toEqual([
        "POST / → allow",
        "request body chunk 0, 65536 bytes → allow",
        '  body      replaced by 8 bytes: "replaced"',
        "request body chunk 1 (last), 10 bytes → allow",
        '  body      replaced by 8 bytes: "replaced"',
      ]);
    });

    test("fails a replacement that the proxy would not carry, as serving does", () => {
      const { exitCode, stdout } = program.run(["call", guestPath("replace-bytes"), "--body", "a"]);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("request body, 1 byte → failure guest-body-not-replaceable\n");
    });

    test("asks about the body of a response, and tells it of the request", () => {
      const { stdout } = program.run(
        [
          "call",
          guestPath("echo-bytes-request"),
          ...["--uri", "/a", "--request-header", "x-a: 1", "--status", "200", "-H", "server: s"],
          ...["--body-file", "-", "--json"],
        ],
        { input: "hello" },
      );
      const { before, event, outcome } = JSON.parse(stdout);
      expect(before.map((step: { event: unknown }) => step.event)).toMatchObject([
        { uri: "/a", headers: { "x-a": ["1"] } },
        { status: 200, headers: { server: ["s"] } },
      ]);
      expect(event).toMatchObject({ kind: "response_body" });
      expect(outcome.custom.input.request).toMatchObject({ uri: "/a", headers: { "x-a": "1" } });
    });

    test("asks about a frame behind the upgrade, from either side", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("payload"), new Uint8Array([0, 255]));
      const guest = guestPath("echo-bytes");
      const { stdout } = program.run(["call", guest, "--frame", "hello"]);
      expect(stdout.split("\n").filter((line) => line.includes("→"))).toEqual([
        "GET / → allow",
        "response 101 → allow",
        "client frame text, 5 bytes → allow",
      ]);
      const file = `@${folder.file("payload")}`;
      const binary = program.run([
        ...["call", guest, "--frame", file, "--frame-opcode", "binary", "--frame-from", "server", "--json"],
      ]);
      expect(JSON.parse(binary.stdout)).toMatchObject({
        before: [
          { event: { headers: { connection: ["upgrade"], upgrade: ["websocket"] } } },
          { event: { status: 101 } },
        ],
        event: { opcode: "binary", client_to_server: false, payload_base64: "AP8=" },
      });
    });

    test("asks about the text of a guardrail check, alone", () => {
      const { stdout } = program.run(["call", guestPath("echo-bytes"), "--guardrail", "a@b.test", "--json"]);
      const report = JSON.parse(stdout);
      expect(report).toMatchObject({ event: { kind: "guardrail", content: "a@b.test" } });
      expect(report).not.toHaveProperty("before");
    });

    test("takes an event of any kind from a file, behind the request that flags describe", () => {
      const input = '{"kind":"websocket_frame","payload":"x","opcode":"ping","correlation_id":"7"}';
      const alone = program.run(["call", guestPath("echo-bytes"), "--event", "-"], { input });
      expect(alone.stdout).toStartWith("client frame ping, 1 byte → allow\n");
      const behind = program.run(
        ["call", guestPath("echo-bytes-request"), "--event", "-", "--uri", "/a", "--json"],
        {
          input,
        },
      );
      expect(JSON.parse(behind.stdout).outcome.custom.input).toMatchObject({
        correlation_id: "7",
        request: { uri: "/a" },
      });
    });

    test("repeats a body with its headers", () => {
      const { exitCode, stdout } = program.run([
        "call",
        guestPath("echo-bytes"),
        ...["--body", "hi", "--repeat", "20", "--json"],
      ]);
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout).repeated).toMatchObject({ calls: 20, failure: null });
    });

    const refusals: readonly [name: string, argv: string[], said: string][] = [
      [
        "a body twice",
        ["call", POLICY, "--body", "a", "--body-file", "b"],
        "--body and --body-file exclude each other; give one of them.",
      ],
      [
        "a body and a frame",
        ["call", POLICY, "--body", "a", "--frame", "b"],
        "--body and --frame exclude each other; give one of them.",
      ],
      [
        "a frame behind another status",
        ["call", POLICY, "--frame", "a", "--status", "200"],
        "A frame follows a response with status 101; leave --status out.",
      ],
      [
        "a mode without a body",
        ["call", POLICY, "--body-mode", "stream"],
        "--body-mode says how a body comes; give one with --body.",
      ],
      [
        "the streamed body of a response",
        ["call", POLICY, "--status", "200", "--body", "a", "--body-mode", "stream"],
        "Proxies hold the body of a response back and send it whole; leave --body-mode out.",
      ],
      [
        "a body that is not there",
        ["call", POLICY, "--body-file", "/nonexistent"],
        "cannot read the body /nonexistent: there is no such file or folder (event-unreadable)",
      ],
      ["no module", ["call"], "<module.wasm> is missing; give a path."],
      [
        "a header without a colon",
        ["call", POLICY, "-H", "cookie"],
        "--header must be a header like name:value",
      ],
      [
        "an event that is no JSON",
        ["call", POLICY, "--event", "-"],
        "neither the whole text nor its line 1 is JSON (event-not-json)",
      ],
      [
        "a file that is not there",
        ["call", POLICY, "--event", "/nonexistent"],
        "cannot read the event /nonexistent: there is no such file or folder (event-unreadable)",
      ],
      [
        "a line of nothing",
        ["call", POLICY, "--line", "3"],
        "--line chooses a line of a file; name the file with --event.",
      ],
      ["a module that cannot be used", ["call", guestPath("missing-alloc")], "(module-missing-export)"],
    ];
    for (const [name, argv, said] of refusals) {
      test(`ends with 2 and one sentence for ${name}`, () => {
        const { exitCode, stdout, stderr } = program.run(argv, { input: "uri=/a\n" });
        expect([exitCode, stdout]).toEqual([2, ""]);
        expect(stderr).toStartWith("sentinel-wasm-agent: ");
        expect(stderr).toContain(said);
      });
    }
  });
}

describe("on a terminal, call", () => {
  const script = Bun.which("script");

  test.skipIf(script === null)(
    "shows a progress bar that leaves nothing behind (needs script, of util-linux)",
    () => {
      const main = `${import.meta.dir}/../../src/main.ts`;
      const line = `${process.execPath} ${main} call ${guestPath("compute")} --repeat 3000`;
      const { stdout } = Bun.spawnSync(["script", "-qec", line, "/dev/null"], { stdin: "ignore" });
      const text = stdout.toString();
      expect(text).toMatch(/█+░* \d+ of 3000 calls/);
      expect(text.slice(text.lastIndexOf("3000 calls"))).toContain("\r\u001b[2K");
    },
  );
});
