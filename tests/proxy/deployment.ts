/**
 * Everything between an HTTP client and an answer: proxy, agent, module and upstream, started in a folder of their own
 * on addresses of their own, and taken down together.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RecordedEvent, readRecording } from "../../src/telemetry/recording/recording.ts";
import { agentProgram } from "./agent-program.ts";
import { AnswerTap } from "./answer-tap.ts";
import { type ProxyConfig, proxyConfig } from "./config.ts";
import type { InstalledProxy } from "./installed-proxies.ts";
import { RunningProgram } from "./running-program.ts";
import { Upstream, type UpstreamEcho } from "./upstream.ts";

export interface DeploymentOptions {
  /** Path of a module, or its bytes. */
  readonly module: string | Uint8Array;
  readonly agentFlags?: readonly string[];
  readonly config?: Pick<
    ProxyConfig,
    | "events"
    | "bodyMode"
    | "bodyTypes"
    | "websocket"
    | "timeoutMs"
    | "failureMode"
    | "circuitBreaker"
    | "agentConfig"
  >;
  /** `host:port` of another server behind the proxy than the echoing one. */
  readonly upstream?: string;
  /** Makes the proxy's configuration from the addresses; what config.ts builds, unless given. */
  readonly configText?: (addresses: DeploymentAddresses) => string;
  /** The agent records its events, for `recorded`. */
  readonly isRecorded?: boolean;
  /** Listens to what the agent tells the proxy. */
  readonly hasTap?: boolean;
  /** The socket of an agent that runs already and is somebody else's to end; `module` and flags mean nothing then. */
  readonly agentSocket?: string;
  /** What must hold before the deployment counts as open; by default that the agent's answers arrive. */
  readonly isOpen?: (deployment: Deployment) => Promise<boolean>;
}

export interface DeploymentAddresses {
  readonly listen: string;
  readonly upstream: string;
  readonly socketPath: string;
}

export interface ClientAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** What reached the upstream, when the body is its echo. */
  readonly echo: UpstreamEcho | null;
}

export interface ClientRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent in chunks, without a length. */
  readonly body?: string | ReadableStream<Uint8Array>;
}

const RECORDING = "events.jsonl";
const RECORDED_WITHIN_MS = 100;
const AGENT_READY_WITHIN_MS = 15_000;
const PROXY_READY_WITHIN_MS = 20_000;
const ANSWER_WITHIN_MS = 20_000;

export class Deployment implements AsyncDisposable {
  readonly upstream = new Upstream();
  readonly #folder = mkdtempSync(join(tmpdir(), "agent-proxy-"));
  readonly #addresses: DeploymentAddresses;
  readonly #tapPath = join(this.#folder, "tap.sock");
  readonly #agentCommand: readonly string[];
  #agent: RunningProgram | null = null;
  #proxy: RunningProgram | null = null;
  #tap: AnswerTap | null = null;

  private constructor(modulePath: string | null, options: DeploymentOptions) {
    const socketPath = options.agentSocket ?? join(this.#folder, "agent.sock");
    this.#addresses = {
      listen: `127.0.0.1:${freePort()}`,
      upstream: options.upstream ?? this.upstream.address,
      socketPath,
    };
    this.#agentCommand = [
      ...agentProgram(),
      "--socket",
      socketPath,
      "--module",
      modulePath ?? join(this.#folder, "module.wasm"),
      "--log-format",
      "json",
      ...(options.isRecorded === true ? ["--record", join(this.#folder, RECORDING)] : []),
      ...(options.agentFlags ?? []),
    ];
  }

  /** Agent first, then the proxy: the older proxies want it that way (docs/agent-protocol.md 14.1). */
  static async open(proxy: InstalledProxy, options: DeploymentOptions): Promise<Deployment> {
    const isPath = typeof options.module === "string";
    const deployment = new Deployment(isPath ? options.module : null, options);
    try {
      if (!isPath) await Bun.write(join(deployment.#folder, "module.wasm"), options.module);
      if (options.agentSocket === undefined) await deployment.startAgent();
      if (options.hasTap === true) await deployment.#openTap();
      await deployment.#startProxy(proxy, options);
    } catch (error) {
      await deployment[Symbol.asyncDispose]();
      throw error;
    }
    return deployment;
  }

  async request(target: string, { method, headers = {}, body }: ClientRequest = {}): Promise<ClientAnswer> {
    const response = await fetch(`http://${this.#addresses.listen}${target}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      // A proxy that refuses a body in its middle ends the connection.
      ...(body === undefined ? {} : { body, keepalive: false }),
      headers: { ...headers },
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const text = await response.text();
    const isEcho = response.headers.get("x-upstream") === "reached" && text.startsWith('{"method"');
    return {
      status: response.status,
      headers: response.headers,
      body: text,
      echo: isEcho ? (JSON.parse(text) as UpstreamEcho) : null,
    };
  }

  async startAgent(): Promise<void> {
    const agent = RunningProgram.start("the agent", this.#agentCommand, join(this.#folder, "agent.log"));
    this.#agent = agent;
    await agent.waitUntil("its socket took connections", AGENT_READY_WITHIN_MS, () =>
      takesConnections({ unix: this.#addresses.socketPath }),
    );
  }

  /** A new agent with `--takeover` beside the one that runs, which has ended when this resolves. */
  async takeOver(): Promise<void> {
    const old = this.#agent;
    const log = join(this.#folder, "agent.log");
    this.#agent = RunningProgram.start("the new agent", [...this.#agentCommand, "--takeover"], log);
    await this.#agent.waitUntil(
      "the old one ended",
      AGENT_READY_WITHIN_MS,
      async () => old?.hasEnded === true,
    );
  }

  /** SIGHUP. */
  reloadAgent(): void {
    this.#agent?.signal("SIGHUP");
  }

  /** As `systemctl stop` would. */
  async stopAgent(): Promise<void> {
    await this.#agent?.stop();
  }

  /** As the out-of-memory killer would; the socket file stays behind. */
  async killAgent(): Promise<void> {
    await this.#agent?.kill();
  }

  /** `host:port` that the proxy listens on. */
  get address(): string {
    return this.#addresses.listen;
  }

  /** Every event that a guest was called for, with what it decided, in order: what the agent has recorded. */
  async recorded(): Promise<readonly RecordedEvent[]> {
    const path = join(this.#folder, RECORDING);
    // The agent writes a moment after it answers.
    for (let bytes = -1; bytes !== Bun.file(path).size; ) {
      bytes = Bun.file(path).size;
      await Bun.sleep(RECORDED_WITHIN_MS);
    }
    return Array.fromAsync(readRecording(path));
  }

  /** Everything the agents of this deployment have logged, one JSON object a line. */
  agentLog(): string {
    return this.#agent?.log() ?? "";
  }

  /** What the agent has told the proxy, in a deployment with a tap. */
  agentAnswers(): string {
    return this.#tap?.answers() ?? "";
  }

  proxyLog(): string {
    return this.#proxy?.log() ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.stop();
    await this.#agent?.stop();
    this.#tap?.[Symbol.dispose]();
    this.upstream[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #openTap(): Promise<void> {
    this.#tap = await AnswerTap.open(this.#tapPath, this.#addresses.socketPath);
  }

  async #startProxy(proxy: InstalledProxy, options: DeploymentOptions): Promise<void> {
    const socketPath = this.#tap === null ? this.#addresses.socketPath : this.#tapPath;
    const addresses = { ...this.#addresses, socketPath };
    const text =
      options.configText?.(addresses) ?? proxyConfig({ era: proxy.era, ...addresses, ...options.config });
    const configPath = join(this.#folder, "proxy.kdl");
    await Bun.write(configPath, text);
    const program = RunningProgram.start(
      `${proxy.era} ${proxy.version}`,
      [proxy.program, "-c", configPath],
      join(this.#folder, "proxy.log"),
    );
    this.#proxy = program;
    const [hostname, port] = this.#addresses.listen.split(":") as [string, string];
    await program.waitUntil("it took connections", PROXY_READY_WITHIN_MS, () =>
      takesConnections({ hostname, port: Number(port) }),
    );
    const isOpen = options.isOpen ?? answersArrive;
    await program.waitUntil("requests were answered through the agent", PROXY_READY_WITHIN_MS, () =>
      isOpen(this),
    );
    this.upstream.requests = 0;
  }
}

async function answersArrive(deployment: Deployment): Promise<boolean> {
  return (await deployment.request("/")).status === 200;
}

async function takesConnections(
  address: { unix: string } | { hostname: string; port: number },
): Promise<boolean> {
  const socket = { data() {} };
  try {
    const connection = await ("unix" in address
      ? Bun.connect({ unix: address.unix, socket })
      : Bun.connect({ hostname: address.hostname, port: address.port, socket }));
    connection.end();
    return true;
  } catch {
    return false;
  }
}

/** Free a moment ago; the proxy wants a number and cannot choose one itself. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = probe.port;
  probe.stop(true);
  return port;
}
