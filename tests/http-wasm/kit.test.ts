/**
 * The conformance kit of http-wasm, from the Go host's module: its runner and its upstream in Go, its guest in the agent,
 * and between them a server that does what a proxy does.
 */

import { expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:http";
import { join } from "node:path";
import { AgentProcess } from "../support/agent-process.ts";
import { HttpFront, portOf } from "./http-front.ts";
import { buildKit, findGoModules } from "./registry.ts";

setDefaultTimeout(300_000);

const CASES = 35;
const EVENTS = "request_headers,request_body,response_headers,response_body";

const modules = await findGoModules();
const kit = await buildKit();
const missing = typeof modules === "string" ? modules : typeof kit === "string" ? kit : null;

test.skipIf(missing !== null).each(["inline", "workers"])(
  `the conformance kit passes (%s)${missing === null ? "" : `: ${missing}`}`,
  async (dispatch) => {
    if (typeof modules === "string" || typeof kit === "string") return;
    await using agent = await AgentProcess.start({
      module: join(modules.host, "tck/tck.wasm"),
      // What sets the method or the URI reaches this server in routing metadata.
      flags: ["--dispatch", dispatch, "--events", EVENTS, "--on-unsupported", "warn"],
    });
    const backendPort = await freePort();
    await using front = await HttpFront.start(agent.socketPath, backendPort);
    // Twice: threads take their first exchanges only when they have started.
    for (let run = 0; run < 2; run++) {
      const output = await runKit(kit[0]!, front.url, backendPort);
      const passed = output.match(/^ +--- PASS: TestKit\/kit\/\S+/gm) ?? [];
      const failed = output.match(/^ *--- FAIL: .*|^ +run\.go.*/gm) ?? [];
      expect({ failed, passed: passed.length }).toEqual({ failed: [], passed: CASES });
    }
  },
);

async function runKit(binary: string, front: string, backendPort: number): Promise<string> {
  const child = Bun.spawn([binary, "-test.v", "-test.count=1"], {
    env: { ...process.env, FRONT: front, BACKEND: `127.0.0.1:${backendPort}` },
    stdout: "pipe",
    stderr: "inherit",
  });
  return new Response(child.stdout).text();
}

/** Go binds it a moment later. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
