/**
 * `bun run demo`: starts the agent on a bundled module, sends it frames as real proxies of both eras sent them, and
 * shows what it decides.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LENGTH_BYTES = 4;
const V2_HANDSHAKE = 0x01;
const V2_REQUEST_HEADERS = 0x10;
const V2_RESPONSE_HEADERS = 0x12;

const root = join(import.meta.dir, "..");
const folder = mkdtempSync(join(tmpdir(), "sentinel-wasm-demo-"));
const socketPath = join(folder, "agent.sock");

/** One connection: frames go out, payloads come back in order. */
class Peer {
  readonly #answers: Buffer[] = [];
  #bytes = Buffer.alloc(0);
  #wake: (() => void) | null = null;
  #write: (bytes: Buffer) => void = () => {};

  static async connect(path: string): Promise<Peer> {
    const peer = new Peer();
    const socket = await Bun.connect({
      unix: path,
      socket: { data: (_socket, chunk) => peer.#onData(chunk) },
    });
    peer.#write = (bytes) => void socket.write(bytes);
    return peer;
  }

  /** `type` null sends a v1 frame. Returns the payload of the next answer. */
  async ask(type: number | null, payload: object): Promise<unknown> {
    const body = Buffer.from(JSON.stringify(payload));
    const head = Buffer.alloc(type === null ? LENGTH_BYTES : LENGTH_BYTES + 1);
    head.writeUInt32BE(body.length + (type === null ? 0 : 1));
    if (type !== null) head[LENGTH_BYTES] = type;
    this.#write(Buffer.concat([head, body]));
    while (this.#answers.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const answer = this.#answers.shift() as Buffer;
    return JSON.parse(answer.subarray(type === null ? 0 : 1).toString("utf8"));
  }

  #onData(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#bytes.readUInt32BE(0);
      if (this.#bytes.length < end) break;
      this.#answers.push(this.#bytes.subarray(LENGTH_BYTES, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#wake?.();
  }
}

function metadata(id: string): object {
  return {
    correlation_id: id,
    request_id: `request-${id}`,
    client_ip: "203.0.113.9",
    client_port: 50_412,
    server_name: null,
    protocol: "HTTP/1.1",
    tls_version: null,
    tls_cipher: null,
    route_id: "demo",
    upstream_id: null,
    timestamp: new Date().toISOString(),
  };
}

function requestHeaders(
  id: string,
  uri: string,
  headers: Record<string, string[]>,
): Record<string, object | string> {
  return { metadata: metadata(id), method: "GET", uri, headers: { host: ["shop.example"], ...headers } };
}

const REQUESTS: readonly (readonly [string, Record<string, string[]>])[] = [
  ["/products?page=1", { "user-agent": ["Mozilla/5.0"] }],
  ["/admin/users", {}],
  ["/admin/users", { authorization: ["Bearer token"] }],
  ["/search?q=1'--", {}],
  ["/files/../../etc/passwd", {}],
  ["/search?q=<script>", {}],
  ["/", { "user-agent": ["sqlmap/1.7"] }],
];

function show(what: string, answer: unknown): void {
  const { decision, audit, request_headers, response_headers } = answer as {
    decision: string | { block?: { status: number; body?: string } };
    audit?: { tags?: string[] };
    request_headers?: object[];
    response_headers?: object[];
  };
  const verdict =
    typeof decision === "string" ? decision : `block ${decision.block?.status} ${decision.block?.body ?? ""}`;
  const changes = (request_headers?.length ?? 0) + (response_headers?.length ?? 0);
  const notes = [...(audit?.tags ?? []), changes > 0 ? `${changes} header changes` : ""].filter(
    (note) => note !== "",
  );
  console.log(`  ${what.padEnd(46)} ${verdict.padEnd(34)} ${notes.join(", ")}`);
}

async function askV2(): Promise<void> {
  const peer = await Peer.connect(socketPath);
  await peer.ask(V2_HANDSHAKE, {
    supported_versions: [2],
    proxy_id: "zentinel-proxy",
    proxy_version: "0.6.54",
    config: null,
    supported_encodings: ["json"],
  });
  console.log("\nProtocol v2, as Zentinel speaks it:");
  for (const [i, [uri, headers]] of REQUESTS.entries()) {
    const id = `v2-${i}`;
    const answer = await peer.ask(V2_REQUEST_HEADERS, {
      correlation_id: id,
      ...requestHeaders(id, uri, headers),
    });
    show(`GET ${uri}${describe(headers)}`, answer);
  }
  const response = { correlation_id: "v2-0", status: 200, headers: { server: ["nginx"] } };
  show("response 200, server: nginx", await peer.ask(V2_RESPONSE_HEADERS, response));
}

async function askV1(): Promise<void> {
  const peer = await Peer.connect(socketPath);
  console.log("\nProtocol v1, as Sentinel spoke it:");
  for (const [i, [uri, headers]] of REQUESTS.entries()) {
    const payload = requestHeaders(`v1-${i}`, uri, headers);
    show(
      `GET ${uri}${describe(headers)}`,
      await peer.ask(null, { version: 1, event_type: "request_headers", payload }),
    );
  }
}

function describe(headers: Record<string, string[]>): string {
  const [first] = Object.entries(headers);
  return first === undefined ? "" : ` (${first[0]}: ${first[1].join(", ")})`;
}

async function waitForSocket(agent: Bun.Subprocess): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (agent.exitCode !== null) throw new Error(`the agent ended with exit code ${agent.exitCode}`);
    try {
      (await Bun.connect({ unix: socketPath, socket: { data() {} } })).end();
      return;
    } catch {
      await Bun.sleep(25);
    }
  }
  throw new Error("the agent did not open its socket within 30 seconds");
}

const module = join(root, "examples", "rust", "policy.wasm");
console.log("Starting the agent on examples/rust/policy.wasm (the policy is in examples/rust/src/lib.rs)");
const agent = Bun.spawn(
  [process.execPath, join(root, "src", "main.ts"), "--module", module, "--socket", socketPath],
  {
    stdio: ["ignore", "inherit", "inherit"],
  },
);
try {
  await waitForSocket(agent);
  await askV2();
  await askV1();
  console.log("");
} finally {
  agent.kill("SIGTERM");
  await agent.exited;
  rmSync(folder, { recursive: true, force: true });
}
process.exit(agent.exitCode ?? 1);
