/** A session as an author has it: something is built and served, and every change is there a moment later. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { findToolchain } from "../../examples/find-toolchain.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { guestPath } from "../guests/guest-path.ts";
import { DevProcess, devCommand } from "./dev-process.ts";
import { SampleProject } from "./sample-project.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

const ADMIN = { uri: "/admin" };
const BLOCKED_ADMIN = { decision: { block: { status: 401 } }, tags: ["admin-blocked"] };
const BLOCKED_ALL = { decision: { block: { status: 451 } }, tags: ["blocked"] };

describe("a session", () => {
  test("builds a project, serves it to proxies of both eras, and shows what was decided", async () => {
    using project = await SampleProject.make();
    await using session = await DevProcess.start(project.options);
    const v2 = await V2Proxy.connect(session.socketPath);
    expect(await v2.request({ id: "a", ...ADMIN })).toMatchObject(BLOCKED_ADMIN);
    const v1 = await V1Proxy.connect(session.socketPath);
    expect(await v1.request({ id: "b", uri: "/?q=1'" })).toMatchObject({ tags: ["sqli-detected"] });
    await v2.response({ id: "a", status: 404 });
    await session.said(/response 404/);
    const lines = session.stdout.split("\n");
    expect(lines.slice(1, 5)).toEqual([
      "  Project     my-policy",
      "  Build       sh build.sh",
      `  Socket      ${session.socketPath}`,
      expect.stringMatching(/^ {2}Playground {2}http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{24}$/),
    ]);
    const rows = lines.slice(lines.findIndex((line) => line.startsWith("time ")) + 1).filter(Boolean);
    expect(rows.map((row) => row.replace(/^[\d:]+ +| +[\d.]+ [µm]?s /g, ""))).toEqual([
      "block 401 GET /admin  admin-blocked",
      "block 403 GET /?q=1'  sqli-detected",
      "allow response 404  status-404, 5 headers",
    ]);
  });

  test("swaps a good change in, and connections live on", async () => {
    using project = await SampleProject.make();
    await using session = await DevProcess.start(project.options);
    const proxy = await V2Proxy.connect(session.socketPath);
    expect(await proxy.request({ id: "a", ...ADMIN })).toMatchObject(BLOCKED_ADMIN);
    project.write("block-all");
    await session.said(/ serving +policy\.wasm, .*[0-9a-f]{8} → [0-9a-f]{8}, built in /);
    expect(await proxy.request({ id: "b", ...ADMIN })).toMatchObject(BLOCKED_ALL);
    expect(session.stdout).toMatch(/ building +policy\.txt changed\n/);
  });

  test("keeps the last good module when a build fails, and shows what the compiler said", async () => {
    using project = await SampleProject.make();
    await using session = await DevProcess.start(project.options);
    const proxy = await V2Proxy.connect(session.socketPath);
    project.write("nonsense");
    const at = await session.said(/Still serving [0-9a-f]{8}\.\n/);
    expect(session.stdout).toContain(
      [
        "build failed  The build ended with exit code 1",
        "  │ error[E0425]: cannot find policy `nonsense` in this project",
        "  │  --> policy.txt:1:1",
        "  │   |",
        "  │ 1 | nonsense",
        "  │   | ^^^^ not found in modules/",
        "  Still serving ",
      ].join("\n"),
    );
    expect(await proxy.request({ id: "a", ...ADMIN })).toMatchObject(BLOCKED_ADMIN);
    project.write("block-all");
    await session.said(/ serving /, at);
    expect(await proxy.request({ id: "b", ...ADMIN })).toMatchObject(BLOCKED_ALL);
  });

  test("keeps the last good module when the new one cannot be used, and says why", async () => {
    using project = await SampleProject.make();
    await using session = await DevProcess.start(project.options);
    const proxy = await V2Proxy.connect(session.socketPath);
    project.write("no-handler");
    await session.said(
      /not loaded +The module cannot be used\n {2}│ .*on_request_headers.*\n {2}Still serving/,
    );
    expect(await proxy.request({ id: "a", ...ADMIN })).toMatchObject(BLOCKED_ADMIN);
  });

  test("that begins with a broken build serves as soon as it is repaired", async () => {
    using project = await SampleProject.make();
    project.write("nonsense");
    await using session = DevProcess.launch(project.options);
    await session.said(/Nothing is served until this is solved\.\n/);
    expect(existsSync(session.socketPath)).toBe(false);
    project.write("policy");
    await session.said(/ serving /);
    const proxy = await V2Proxy.connect(session.socketPath);
    expect(await proxy.request(ADMIN)).toMatchObject(BLOCKED_ADMIN);
  });

  test("on a module alone notices when the file is replaced", async () => {
    using folder = temporaryFolder();
    copyFileSync(examplePolicy("rust"), folder.file("policy.wasm"));
    await using session = await DevProcess.start({ path: "policy.wasm", cwd: folder.path });
    const proxy = await V2Proxy.connect(session.socketPath);
    copyFileSync(guestPath("block"), folder.file("new"));
    renameSync(folder.file("new"), folder.file("policy.wasm"));
    await session.said(/ serving +policy\.wasm, .* → /);
    expect(await proxy.request(ADMIN)).toMatchObject(BLOCKED_ALL);
  });

  test("shows what a module writes below the event it belongs to", async () => {
    using project = await SampleProject.make("talkative");
    await using session = await DevProcess.start(project.options);
    const proxy = await V2Proxy.connect(session.socketPath);
    await proxy.request({ uri: "/a" });
    await session.said(/GET \/a\n +│ looked at the event\n +│ no rule matched\n/);
  });

  test("shows why an event failed", async () => {
    using project = await SampleProject.make("trap-always");
    await using session = await DevProcess.start(project.options);
    const proxy = await V2Proxy.connect(session.socketPath);
    expect(await proxy.request({ uri: "/a" })).toMatchObject({ decision: { block: { status: 500 } } });
    await session.said(/ failed +[\d.]+ [µm]?s {2}GET \/a\n +guest-trap: the guest trapped in handle/);
  });
});

const clang = findToolchain("c");

test.skipIf(!clang.isPresent)(
  `a new project is built as its README says, and again after each change${clang.isPresent ? "" : ` (skipped: ${clang.missing})`}`,
  async () => {
    using folder = temporaryFolder();
    const made = Bun.spawnSync([...devCommand(), "new", "my-policy", "--template", "c"], {
      cwd: folder.path,
    });
    expect(made.exitCode).toBe(0);
    await using session = await DevProcess.start({ path: "my-policy", cwd: folder.path });
    expect(session.stdout).toContain("  Build       clang --target=wasm32 ");
    const proxy = await V2Proxy.connect(session.socketPath);
    expect(await proxy.request({ id: "a", ...ADMIN })).toMatchObject(BLOCKED_ADMIN);

    const source = folder.file("my-policy/policy.c");
    const good = readFileSync(source, "utf8");
    expect(good).toContain('"401"');
    const broken = session.stdout.length;
    writeFileSync(source, good.replace('"401"', "four_hundred_and_one"));
    await session.said(/build failed[\s\S]*policy\.c:\d+:\d+: error: [\s\S]*Still serving/, broken);
    const repaired = session.stdout.length;
    writeFileSync(source, good.replace("401", "402"));
    await session.said(/ serving .* → /, repaired);
    expect(await proxy.request({ id: "b", ...ADMIN })).toMatchObject({
      decision: { block: { status: 402 } },
    });
  },
);

describe("the end of a session", () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`is clean by ${signal}`, async () => {
      using project = await SampleProject.make();
      await using session = await DevProcess.start(project.options);
      session.signal(signal);
      expect(await session.exited).toBe(0);
      expect(existsSync(session.socketPath)).toBe(false);
      expect(session.stderr).toBe("");
    });
  }

  test("ends a build that is under way, and what it started", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("slow"));
    writeFileSync(
      folder.file("slow/build.sh"),
      "trap 'touch ended; exit 1' TERM\ntouch started\nsleep 600 &\nwait\n",
    );
    await using session = DevProcess.launch({
      path: "slow",
      cwd: folder.path,
      flags: ["--build", "sh build.sh; true"],
    });
    while (!existsSync(folder.file("slow/started"))) await Bun.sleep(20);
    session.signal("SIGINT");
    expect(await session.exited).toBe(0);
    expect(existsSync(folder.file("slow/ended"))).toBe(true);
  });
});

describe("in a terminal, a session", () => {
  test("counts along in the last line, takes keys, and gives the terminal back", async () => {
    using project = await SampleProject.make();
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    const { path, cwd = ".", flags = [] } = project.options;
    let screen = "";
    const terminal = new Bun.Terminal({
      cols: 120,
      rows: 30,
      data: (_terminal, data) => {
        screen += Buffer.from(data).toString();
      },
    });
    const seen = async (text: string) => {
      const endAtMs = performance.now() + 30_000;
      while (!screen.includes(text)) {
        if (performance.now() > endAtMs) throw new Error(`never seen: ${text}\n${JSON.stringify(screen)}`);
        await Bun.sleep(20);
      }
    };
    const session = Bun.spawn(
      [...devCommand(), "dev", path, "--socket", socketPath, "--port", "0", ...flags],
      {
        cwd,
        env: { ...process.env, NO_COLOR: "1", TERM: "xterm" },
        terminal,
      },
    );
    try {
      await seen("serving");
      const proxy = await V2Proxy.connect(socketPath);
      await proxy.request(ADMIN);
      await seen("1 event · 0 allow · 1 block · 0 redirect · 0 failed · p50 ");
      await seen("o r c q");
      terminal.write("r");
      await seen("unchanged, built in");
      terminal.write("\x03");
      expect(await session.exited).toBe(0);
      await seen("\x1b[?25h");
      // The cursor is hidden at the start and shown again at the end, with nothing below the last row.
      expect(screen).toStartWith("\x1b[?25l");
      expect(screen).toEndWith("\r\x1b[J\x1b[?25h");
    } finally {
      session.kill("SIGKILL");
      terminal.close();
    }
  });
});

describe("what no session can work on ends with 2 and one sentence", () => {
  const cases: readonly [name: string, argv: readonly string[], said: string][] = [
    [
      "a path that is not there",
      ["nowhere"],
      "there is no nowhere; give a module or a folder (project-unusable)",
    ],
    [
      "a folder that holds nothing",
      ["empty"],
      "empty neither says how it is built nor holds a module; give --build <command>, or a .wasm file (project-unusable)",
    ],
    [
      "a file that is no module",
      ["notes.txt"],
      "notes.txt is not a WebAssembly module; give one, or a folder that builds one (project-unusable)",
    ],
    [
      "a socket in a folder that is not there",
      ["policy.wasm", "--socket", "/nonexistent/agent.sock"],
      "the folder /nonexistent for the socket does not exist; create it or choose another --socket (socket-folder-missing)",
    ],
    [
      "a socket path that is taken by a file",
      ["policy.wasm", "--socket", "notes.txt"],
      "notes.txt exists and is not a socket; remove it yourself or choose another --socket (socket-not-a-socket)",
    ],
    [
      "an impossible port",
      ["policy.wasm", "--port", "70000"],
      '--port must be a whole number from 0 to 65535, but "70000" was given.\nRun sentinel-wasm-agent dev --help for all options.',
    ],
  ];
  for (const [name, argv, said] of cases) {
    test(name, () => {
      using folder = temporaryFolder();
      mkdirSync(folder.file("empty"));
      writeFileSync(folder.file("notes.txt"), "hello");
      copyFileSync(guestPath("allow"), folder.file("policy.wasm"));
      const { exitCode, stdout, stderr } = Bun.spawnSync([...devCommand(), "dev", ...argv], {
        cwd: folder.path,
        stdin: "ignore",
        timeout: 30_000,
      });
      expect([exitCode, stdout.toString(), stderr.toString()]).toEqual([
        2,
        "",
        `sentinel-wasm-agent: ${said}\n`,
      ]);
    });
  }

  test("a port that is taken, but not one that nobody asked for", async () => {
    using folder = temporaryFolder();
    copyFileSync(guestPath("allow"), folder.file("policy.wasm"));
    using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("taken") });
    const session = DevProcess.launch({
      path: "policy.wasm",
      cwd: folder.path,
      flags: [`--port=${other.port}`],
    });
    await using _ = session;
    expect(await session.exited).toBe(2);
    expect(session.stderr).toBe(
      `sentinel-wasm-agent: the playground cannot listen on port ${other.port}; give another --port, or leave it out for one that is free (playground-port-in-use)\n`,
    );
  });

  test("a port that another session has", async () => {
    using folder = temporaryFolder();
    copyFileSync(guestPath("allow"), folder.file("policy.wasm"));
    const port = freePort();
    const options = { path: "policy.wasm", cwd: folder.path, flags: [`--port=${port}`] };
    await using first = await DevProcess.start(options);
    expect(first.link).not.toBe("");
    await using second = DevProcess.launch(options);
    expect(await second.exited).toBe(2);
    expect(second.stderr).toContain(`cannot listen on port ${port}`);
  });
});

function freePort(): number {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  return server.port ?? 0;
}
