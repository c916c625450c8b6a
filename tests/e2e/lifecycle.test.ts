/** Starting, stopping and everything that can be in the way of either. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess, type AgentProcessOptions } from "../support/agent-process.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { v2Frame } from "../support/frames.ts";
import { listenOn } from "../support/listening-socket.ts";
import { requestHeaders, Type } from "../support/proxy-messages.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { DatagramReceiver } from "../unit/telemetry/datagram-receiver.ts";

setDefaultTimeout(30_000);

const MODULE = guestPath("block");
const IS_ROOT = process.getuid?.() === 0;
const IS_LINUX = process.platform === "linux";
/** Nobody's files are theirs. */
const OTHER_UID = "65534";

/** One sentence on stderr, whatever the log format: `sentinel-wasm-agent: <message> (<code>)`. */
const SENTENCE = /^sentinel-wasm-agent: (?<message>.*) \((?<code>[a-z-]+)\)$/;

/** What an agent that cannot serve says, and its exit code. */
async function refusal(options: AgentProcessOptions) {
  await using agent = AgentProcess.launch(options);
  const exitCode = await agent.exited;
  const [sentence = "", ...others] = agent.complaints;
  const { message = sentence, code = "" } = SENTENCE.exec(sentence)?.groups ?? {};
  return { exitCode, code, message, others: [...others, ...agent.lines] };
}

/** Leaves the agent with the beginning of an event. */
async function sendHalfFrame(proxy: V2Proxy): Promise<void> {
  const pong = proxy.ping("");
  proxy.wire.send(v2Frame(Type.requestHeaders, requestHeaders()).subarray(0, 20));
  await pong;
}

const refused = (code: string, message: string) => ({ exitCode: 2, code, message, others: [] });

test("the ready line says what is served where, as one JSON object", async () => {
  await using agent = await AgentProcess.start({ module: MODULE, flags: ["--pool-size", "3"] });
  const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(MODULE).bytes()).digest("hex");
  expect(await agent.line("ready")).toMatchObject({
    level: "info",
    socket: agent.socketPath,
    module: MODULE,
    sha256: hash,
    abi: "json",
    pool_size: 3,
    policy: "fail-closed",
    limits: true,
  });
});

test("the socket is there as soon as the agent is ready, with the mode that was asked for", async () => {
  await using usual = await AgentProcess.start({ module: MODULE });
  expect(statSync(usual.socketPath).mode & 0o777).toBe(0o660);
  await using narrow = await AgentProcess.start({ module: MODULE, flags: ["--socket-mode", "0600"] });
  expect(statSync(narrow.socketPath).mode & 0o777).toBe(0o600);
});

describe("stopping", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends with code 0 and takes the socket file along",
    async (signal) => {
      await using agent = await AgentProcess.start({ module: MODULE });
      agent.signal(signal);
      expect(await agent.exited).toBe(0);
      expect(existsSync(agent.socketPath)).toBe(false);
      expect(agent.lines.map((line) => line.msg)).toEqual(["ready", "stopping", "stopped"]);
    },
  );

  test("answers what had been asked, also when the guest takes its time", async () => {
    await using agent = await AgentProcess.start({
      module: guestPath("compute-long"),
      flags: ["--timeout-ms", "20000"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const answers = Array.from({ length: 8 }, (_, i) => proxy.request({ id: `id-${i}` }));
    await answers[0];
    agent.signal("SIGTERM");
    for (const answer of await Promise.all(answers)) expect(answer.decision).toBe("allow");
    await proxy.wire.closed;
    expect(await agent.exited).toBe(0);
  });

  test("waits for the rest of a frame, but no longer than the shutdown timeout", async () => {
    await using agent = await AgentProcess.start({ module: MODULE, flags: ["--shutdown-timeout-ms", "300"] });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await sendHalfFrame(proxy);
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect(await agent.line("closing connections that did not finish in time")).toMatchObject({
      connections: 1,
    });
  });

  test("a second signal ends it at once, with code 1", async () => {
    await using agent = await AgentProcess.start({
      module: MODULE,
      flags: ["--shutdown-timeout-ms", "60000"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await sendHalfFrame(proxy);
    agent.signal("SIGTERM");
    await agent.line("stopping");
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(1);
  });

  test("leaves a socket file alone that has become somebody else's", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("shared.sock");
    await using first = await AgentProcess.start({ module: MODULE, socketPath });
    await Bun.file(socketPath).delete();
    await using second = await AgentProcess.start({ module: MODULE, socketPath });
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const proxy = await V1Proxy.connect(second.socketPath);
    expect((await proxy.request()).decision).toMatchObject({ block: { status: 451 } });
  });

  test("new connections are refused while it stops", async () => {
    await using agent = await AgentProcess.start({
      module: MODULE,
      flags: ["--shutdown-timeout-ms", "5000"],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await sendHalfFrame(proxy);
    agent.signal("SIGTERM");
    await agent.line("stopping");
    const isRefused = () =>
      V1Proxy.connect(agent.socketPath).then(
        () => false,
        () => true,
      );
    // Said first, done next: a moment may pass in between.
    while (!(await isRefused())) await Bun.sleep(5);
    expect(proxy.wire.isClosed).toBe(false);
  });
});

describe("a path that is taken", () => {
  test("by the socket of a dead agent is taken over", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("stale.sock");
    {
      await using killed = await AgentProcess.start({ module: MODULE, socketPath });
      killed.signal("SIGKILL");
      expect(await killed.exited).toBeNull();
    }
    expect(lstatSync(socketPath).isSocket()).toBe(true);
    await using agent = await AgentProcess.start({ module: MODULE, socketPath });
    const proxy = await V1Proxy.connect(agent.socketPath);
    expect((await proxy.request()).decision).toMatchObject({ block: { status: 451 } });
  });

  test("by a live agent is refused, and that agent serves on", async () => {
    await using living = await AgentProcess.start({ module: MODULE });
    const proxy = await V1Proxy.connect(living.socketPath);
    expect(await refusal({ module: MODULE, socketPath: living.socketPath })).toEqual(
      refused(
        "socket-in-use",
        expect.stringContaining(`another process is listening on ${living.socketPath}`),
      ),
    );
    expect((await proxy.request()).decision).toMatchObject({ block: { status: 451 } });
    const another = await V1Proxy.connect(living.socketPath);
    expect((await another.request()).decision).toMatchObject({ block: { status: 451 } });
  });

  test("by a file is refused, and the file stays as it is", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("notes.txt");
    writeFileSync(socketPath, "precious");
    expect(await refusal({ module: MODULE, socketPath })).toEqual(
      refused(
        "socket-not-a-socket",
        `${socketPath} exists and is not a socket; remove it yourself or choose another --socket`,
      ),
    );
    expect(await Bun.file(socketPath).text()).toBe("precious");
  });

  test("by a folder is refused", async () => {
    using folder = temporaryFolder();
    const socketPath = folder.file("folder");
    mkdirSync(socketPath);
    expect((await refusal({ module: MODULE, socketPath })).code).toBe("socket-not-a-socket");
  });
});

describe("a path that cannot be", () => {
  test("its folder is missing", async () => {
    using folder = temporaryFolder();
    expect(await refusal({ module: MODULE, socketPath: folder.file("no/agent.sock") })).toEqual(
      refused(
        "socket-folder-missing",
        `the folder ${folder.file("no")} for the socket does not exist; create it or choose another --socket`,
      ),
    );
  });

  test("its folder is a file", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("file"), "");
    expect((await refusal({ module: MODULE, socketPath: folder.file("file/agent.sock") })).code).toBe(
      "socket-folder-missing",
    );
  });

  test("it is longer than the system allows", async () => {
    using folder = temporaryFolder();
    const { exitCode, code, message } = await refusal({
      module: MODULE,
      socketPath: folder.file("x".repeat(120)),
    });
    expect(exitCode).toBe(2);
    expect(code).toBe("socket-path-too-long");
    expect(message).toMatch(
      /^the socket path has \d+ bytes; this system allows (107|103), so choose a shorter one$/,
    );
  });

  // Only root can start a process as somebody without permissions.
  test.skipIf(!IS_ROOT || !IS_LINUX)("this user may not write there", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("theirs"));
    chmodSync(folder.path, 0o755);
    chmodSync(folder.file("theirs"), 0o755);
    const module = folder.file("module.wasm");
    await Bun.write(module, Bun.file(MODULE));
    const socketPath = folder.file("theirs/agent.sock");
    const launcher = ["setpriv", `--reuid=${OTHER_UID}`, `--regid=${OTHER_UID}`, "--clear-groups"];
    const outcome = await refusal({ module, socketPath, launcher });
    expect(outcome).toEqual(
      refused(
        "socket-permission",
        `no permission to create the socket ${socketPath}; give this user write access to its folder or choose another --socket`,
      ),
    );
  });
});

describe("a module that cannot be used", () => {
  test.each([
    ["missing-memory", "module-missing-export"],
    ["missing-alloc", "module-missing-export"],
    ["missing-handlers", "module-missing-export"],
    ["signature-alloc", "module-wrong-signature"],
    ["signature-handlers", "module-wrong-signature"],
    ["unknown-import", "module-missing-import"],
    ["trap-in-start", "module-start-failed"],
    ["trap-in-initialize", "module-start-failed"],
  ] as const)("%s: one sentence, code %s, exit code 2, and no socket", async (guest, code) => {
    using folder = temporaryFolder();
    const socketPath = folder.file("agent.sock");
    expect(await refusal({ module: guestPath(guest), socketPath })).toMatchObject({
      exitCode: 2,
      code,
      others: [],
    });
    expect(existsSync(socketPath)).toBe(false);
  });

  test("a start that never ends is stopped", async () => {
    const outcome = await refusal({
      module: guestPath("loop-in-initialize"),
      flags: ["--start-timeout-ms", "200"],
    });
    expect(outcome).toEqual(
      refused(
        "module-start-deadline",
        "the module did not finish _initialize within 200 ms; do slow work later or raise --start-timeout-ms",
      ),
    );
  });

  test("a file that is not there", async () => {
    using folder = temporaryFolder();
    const module = folder.file("none.wasm");
    expect(await refusal({ module })).toEqual(
      refused("module-unreadable", `cannot read the module ${module}: there is no such file; check the path`),
    );
  });

  test.each(["pretty", "json"] as const)("is told alike in the log format %s", async (logFormat) => {
    expect(await refusal({ module: guestPath("missing-alloc"), logFormat })).toEqual(
      refused("module-missing-export", "the module does not export the function `alloc(i32) -> i32`"),
    );
  });
});

// Passing a socket on needs the C library's own calls.
describe.skipIf(!IS_LINUX)("a socket that the service manager opened", () => {
  const LAUNCHER = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'];

  test("is served on, and left in place at the end", async () => {
    using folder = temporaryFolder();
    const inherited = folder.file("activated.sock");
    using listening = await listenOn(inherited);
    {
      await using agent = await AgentProcess.start({
        module: MODULE,
        launcher: LAUNCHER,
        inheritedFd: listening.fd,
      });
      const proxy = await V1Proxy.connect(inherited);
      expect((await proxy.request()).decision).toMatchObject({ block: { status: 451 } });
      expect(existsSync(agent.socketPath)).toBe(false);
      agent.signal("SIGTERM");
      expect(await agent.exited).toBe(0);
    }
    expect(lstatSync(inherited).isSocket()).toBe(true);
    // Nobody was refused in between: the next agent answers who connected while none was there.
    const waiting = V1Proxy.connect(inherited);
    await using next = await AgentProcess.start({
      module: MODULE,
      launcher: LAUNCHER,
      inheritedFd: listening.fd,
    });
    expect((await (await waiting).request()).decision).toMatchObject({ block: { status: 451 } });
    next.signal("SIGTERM");
    expect(await next.exited).toBe(0);
  });

  test("meant for another process is not touched", async () => {
    await using agent = await AgentProcess.start({
      module: MODULE,
      env: { LISTEN_FDS: "1", LISTEN_PID: "1" },
    });
    expect(existsSync(agent.socketPath)).toBe(true);
  });

  test("of several is one too many", async () => {
    const launcher = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" "$@"'];
    expect((await refusal({ module: MODULE, launcher })).code).toBe("socket-inherited");
  });

  test("that is none at all is refused", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("plain"), "");
    const fd = openSync(folder.file("plain"), "r");
    try {
      const outcome = await refusal({ module: MODULE, launcher: LAUNCHER, inheritedFd: fd });
      expect(outcome).toMatchObject({ exitCode: 2, code: "socket-inherited", others: [] });
    } finally {
      closeSync(fd);
    }
  });
});

// Datagrams to a service manager exist on Linux alone.
test.skipIf(!IS_LINUX)("the service manager hears when the agent is ready, and when it stops", async () => {
  using folder = temporaryFolder();
  using manager = new DatagramReceiver(folder.file("notify"));
  await using agent = await AgentProcess.start({
    module: MODULE,
    env: { NOTIFY_SOCKET: folder.file("notify") },
  });
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  const heard: string[] = [];
  for (let message = manager.receive(); message !== null; message = manager.receive()) heard.push(message);
  expect(heard[0]).toContain("READY=1");
  expect(heard.at(-1)).toContain("STOPPING=1");
});
