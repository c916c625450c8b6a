/**
 * Decisions a second on a policy in Rego, the example one or with `--policy headers` one of OPA's documentation that looks at
 * method, path and token: of the agent over its socket, of `opa run --server` over loopback,
 * and of the trivial responder, each at 16 connections with one request in flight on each; and what it takes from the
 * start of the process to ready, beside a module of the JSON ABI. The subjects run in turns, each time in a fresh process; ratios
 * are taken within a round, and the best round counts, since what else runs on the machine only ever harms one. The client
 * of OPA's server writes fixed bytes and looks for the end of each answer, no more; the processor time of a decision is of the
 * server alone. Needs `bun run build`, and Go with its module proxy.
 *
 *     bun tests/bench/opa-server.ts [--rounds 5] [--seconds 2] [--policy example|headers]
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { envoyInput } from "../../src/abi/opa/input/envoy-input.ts";
import { buildDocumented, DOCUMENTED_POLICIES } from "../opa/documented-policies.ts";
import { findOpa } from "../opa/opa-tool.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { sampleRequest } from "../support/neutral-events.ts";
import { findLoadgen } from "./loadgen/build.ts";
import { runLoad, runStart } from "./load.ts";
import { textTable } from "./report/text-table.ts";
import { commandSubject, newSocketPath, type Subject, startSubject } from "./subject.ts";

const CONNECTIONS = 16;
const LEAST_OF_SERVER = 10;
const LEAST_OF_TRIVIAL = 0.25;
const MOST_START_MS = 80;
const STARTS_A_ROUND = 5;
/** Of `/proc/<pid>/stat`, as Linux has it everywhere. */
const TICKS_A_SECOND = 100;

const ROOT = join(import.meta.dir, "../..");
const EXAMPLE = join(ROOT, "examples/rego");
const LOG_FOLDER = join(ROOT, "dist/bench/logs");
const AGENT = commandSubject("agent", join(ROOT, "dist/sentinel-wasm-agent"));
const TRIVIAL = commandSubject(
  "trivial responder",
  `"${process.execPath}" "${join(import.meta.dir, "trivial-responder.ts")}" --socket {socket}`,
);

interface Rate {
  readonly perSecond: number;
  readonly cpuUs: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    policy: { type: "string", default: "example" },
  },
});
const seconds = Number(values.seconds);
const loadgen = findLoadgen();
const opa = await findOpa();
if (typeof opa === "string") throw new Error(opa);
const { bundle, sources } = await policyToMeasure();

const rates: { agent: Rate; server: Rate; trivial: Rate }[] = [];
const starts: { opa: number; json: number }[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const agent = await rateOf(AGENT, bundle);
  rates.push({ agent, server: await rateOfServer(opa.command), trivial: await rateOf(TRIVIAL, "") });
  for (let start = 0; start < STARTS_A_ROUND; start++) {
    starts.push({ opa: await startMs(bundle), json: await startMs(examplePolicy("rust")) });
  }
}
report();

async function policyToMeasure(): Promise<{ readonly bundle: string; readonly sources: readonly string[] }> {
  if (values.policy === "example") {
    const sources = [join(EXAMPLE, "policy.rego"), join(EXAMPLE, "data.json")];
    return { bundle: join(EXAMPLE, "policy.tar.gz"), sources };
  }
  const documented = DOCUMENTED_POLICIES.find(({ name }) => name === "envoy-primer-allow");
  if (values.policy !== "headers" || documented === undefined || typeof opa === "string") {
    throw new Error("--policy is example or headers");
  }
  const { bundle, source } = await buildDocumented(opa, documented);
  return { bundle, sources: [source] };
}

async function rateOf(subject: Subject, module: string): Promise<Rate> {
  const running = await startSubject(subject, { module }, { logFolder: LOG_FOLDER });
  try {
    const run = await runLoad(
      loadgen,
      running.socketPath,
      {
        protocol: "v2",
        connections: CONNECTIONS,
        inFlight: 1,
        warmupSeconds: 1,
        durationSeconds: seconds,
      },
      { pid: running.pid },
    );
    if (run.errors + run.wrongIds + run.unanswered > 0) throw new Error(`${subject.name} answered wrong`);
    return { perSecond: run.eventsPerSecond, cpuUs: run.agentCpuUsPerEvent ?? Number.NaN };
  } finally {
    await running.stop();
  }
}

/** As the load generator's: eleven headers of a browser and two of the proxy, some paths that are public. */
function requests(host: string): readonly Uint8Array[] {
  const headers = {
    host: ["shop.example"],
    "user-agent": ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    accept: ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    "accept-language": ["en-GB,en;q=0.7,de;q=0.3"],
    "accept-encoding": ["gzip, deflate, br, zstd"],
    cookie: ["session=b7Qe2xR9mZk4TfW1cLs8Nd5HvYp3JgU6; theme=dark"],
    referer: ["https://shop.example/catalogue"],
    "sec-fetch-dest": ["document"],
    "sec-fetch-mode": ["navigate"],
    "sec-fetch-site": ["same-origin"],
    "cache-control": ["no-cache"],
    "x-forwarded-for": ["203.0.113.9"],
    "x-forwarded-proto": ["https"],
  };
  const uris = ["/", "/catalogue/items/1?page=3&sort=price", "/api/v2/orders/7", "/health?probe=1"];
  return uris.map((uri) => {
    const body = `{"input":${envoyInput(sampleRequest({ uri, headers }), null, null)}}`;
    return Buffer.from(
      `POST /v1/data/envoy/authz/allow HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

async function rateOfServer(command: string): Promise<Rate> {
  const port = freePort();
  const host = `127.0.0.1:${port}`;
  const flags = ["--server", "--addr", host, "--log-level", "error", "--disable-telemetry"];
  const server = Bun.spawn([command, "run", ...flags, ...sources], { stdout: "ignore", stderr: "ignore" });
  try {
    await untilHealthy(`http://${host}/health`);
    const load = new HttpLoad(requests(host));
    for (let connection = 0; connection < CONNECTIONS; connection++) await load.connect(port);
    await Bun.sleep(1000);
    const [answersBefore, cpuBefore, startedAtMs] = [load.answers, cpuSeconds(server.pid), performance.now()];
    await Bun.sleep(seconds * 1000);
    const answers = load.answers - answersBefore;
    const cpuUs = ((cpuSeconds(server.pid) - cpuBefore) * 1e6) / answers;
    const perSecond = (answers * 1000) / (performance.now() - startedAtMs);
    load.close();
    return { perSecond, cpuUs };
  } finally {
    server.kill();
    await server.exited;
  }
}

class HttpLoad {
  answers = 0;
  readonly #requests: readonly Uint8Array[];
  readonly #sockets: { end(): void }[] = [];
  #isClosed = false;

  constructor(payloads: readonly Uint8Array[]) {
    this.#requests = payloads;
  }

  /** A connection with one request in flight, from now on. */
  async connect(port: number): Promise<void> {
    let text = "";
    let sent = this.#sockets.length;
    const next = () => this.#requests[sent++ % this.#requests.length]!;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (connection, bytes) => {
          text += bytes.toString("latin1");
          const bodyAt = text.indexOf("\r\n\r\n") + 4;
          if (bodyAt === 3) return;
          if (!text.startsWith("HTTP/1.1 200 "))
            throw new Error(`OPA's server answers ${text.slice(0, 200)}`);
          const length = /content-length: (\d+)/i.exec(text.slice(0, bodyAt))?.[1];
          if (length === undefined) throw new Error("OPA's server does not say how long its answer is");
          if (text.length < bodyAt + Number(length)) return;
          if (!text.startsWith('{"result":', bodyAt)) throw new Error("OPA's server has no decision");
          text = "";
          this.answers++;
          if (!this.#isClosed) connection.write(next());
        },
      },
    });
    this.#sockets.push(socket);
    socket.write(next());
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.end();
  }
}

async function startMs(module: string): Promise<number> {
  const { socketPath, remove } = newSocketPath();
  try {
    const { connectMs } = await runStart(loadgen, socketPath, AGENT.command!(socketPath, { module }));
    return connectMs;
  } finally {
    remove();
  }
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop();
  return port;
}

async function untilHealthy(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isHealthy = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) return;
    await Bun.sleep(50);
  }
  throw new Error("OPA's server is not ready after 10 s");
}

/** Of all threads, the kernel's part included. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

function report(): void {
  const best = (of: (round: (typeof rates)[number]) => number) => Math.max(...rates.map(of));
  const least = (of: (round: (typeof rates)[number]) => number) => Math.min(...rates.map(of));
  const rows = (["agent", "server", "trivial"] as const).map((side) => [
    { agent: "agent, v2", server: "opa run --server", trivial: "trivial responder" }[side],
    best((round) => round[side].perSecond).toFixed(0),
    least((round) => round[side].cpuUs).toFixed(1),
  ]);
  console.log(
    textTable({ title: `the policy ${values.policy}`, columns: ["", "decisions/s", "CPU µs"], rows }),
  );
  const startOf = (kind: "opa" | "json") => Math.min(...starts.map((start) => start[kind]));
  console.log(
    `start to ready: policy ${startOf("opa").toFixed(1)} ms, JSON module ${startOf("json").toFixed(1)} ms`,
  );
  const bars: readonly (readonly [string, number, boolean])[] = [
    atLeast(
      "of opa run --server",
      best(({ agent, server }) => agent.perSecond / server.perSecond),
      LEAST_OF_SERVER,
    ),
    atLeast(
      "of the trivial responder",
      best(({ agent, trivial }) => agent.perSecond / trivial.perSecond),
      LEAST_OF_TRIVIAL,
    ),
    [`start to ready, at most ${MOST_START_MS} ms`, startOf("opa"), startOf("opa") <= MOST_START_MS],
  ];
  for (const [text, value, isMet] of bars) {
    console.log(`${isMet ? "met   " : "missed"} ${text}: ${value.toFixed(2)}`);
    if (!isMet) process.exitCode = 1;
  }
}

function atLeast(text: string, value: number, bar: number): readonly [string, number, boolean] {
  return [`${text}, at least ${bar}`, value, value >= bar];
}
