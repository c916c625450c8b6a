/** An agent whose standard error nobody reads, or not for a while. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { guestPath } from "../guests/guest-path.ts";
import { agentCommand, type LogLine } from "../support/agent-process.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { socketPair } from "../support/socket-pair.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

/** With two lines each, many times what a pipe and the queue before it hold. */
const REQUESTS = 4000;
const AT_ONCE = 100;

/** The reader looks for the file `go`, for a minute, before it reads anything. */
const READER_THAT_WAITS = `exec "$0" "$@" 2> >(for i in $(seq 1200); do
  if [ -e "$FOLDER/go" ]; then cat > "$FOLDER/log"; exit; fi; sleep 0.05
done)`;

function argumentsIn(folder: TemporaryFolder): readonly string[] {
  const flags = ["--log-format", "json", "--verbose"];
  return ["--module", guestPath("block"), "--socket", folder.file("agent.sock"), ...flags];
}

async function connectIn(folder: TemporaryFolder): Promise<V2Proxy> {
  while (!existsSync(folder.file("agent.sock"))) await Bun.sleep(5);
  return V2Proxy.connect(folder.file("agent.sock"));
}

async function askManyTimes(proxy: V2Proxy): Promise<void> {
  for (let asked = 0; asked < REQUESTS; asked += AT_ONCE) {
    const answers = Array.from({ length: AT_ONCE }, (_, i) => proxy.request({ id: `id-${asked + i}` }));
    for (const { decision } of await Promise.all(answers)) {
      expect(decision).toMatchObject({ block: { status: 451 } });
    }
  }
}

// Elsewhere than on Linux, a reader that stops reading does stop the agent (docs/security.md).
describe.skipIf(process.platform !== "linux")("while nobody reads the log", () => {
  test("on a pipe, every request is answered, and who reads later is told how many lines are lost", async () => {
    using folder = temporaryFolder();
    const command = ["bash", "-c", READER_THAT_WAITS, ...agentCommand(), ...argumentsIn(folder)];
    await using agent = Bun.spawn(command, {
      env: { ...process.env, FOLDER: folder.path },
      stdio: ["ignore", "ignore", "ignore"],
    });
    const proxy = await connectIn(folder);
    await askManyTimes(proxy);

    writeFileSync(folder.file("go"), "");
    const lines = () =>
      existsSync(folder.file("log"))
        ? readFileSync(folder.file("log"), "utf8")
            .split("\n")
            .slice(0, -1)
            .map((line) => JSON.parse(line) as LogLine)
        : [];
    const lost = () => lines().find(({ msg }) => msg === "log lines lost: stderr is read too slowly");
    while (lost() === undefined) await proxy.request();
    const told = lines().filter(({ msg }) => msg === "event" || msg === "verdict").length;
    expect(told).toBeLessThan(2 * REQUESTS);
    expect(Number(lost()?.["lines"])).toBeGreaterThan(REQUESTS);

    agent.kill("SIGTERM");
    expect(await agent.exited).toBe(0);
    while (lines().at(-1)?.msg !== "stopped") await Bun.sleep(5);
  });

  test("on a socket, as under systemd, every request is answered, and SIGTERM ends the agent", async () => {
    using folder = temporaryFolder();
    const [, theirs] = socketPair();
    await using agent = Bun.spawn([...agentCommand(), ...argumentsIn(folder)], {
      stdio: ["ignore", "ignore", theirs],
    });
    await askManyTimes(await connectIn(folder));
    agent.kill("SIGTERM");
    expect(await agent.exited).toBe(0);
  });
});
