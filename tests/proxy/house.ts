/**
 * Everything between an HTTP client and an answer: proxy, agent, module and upstream, started in a folder of their own
 * on addresses of their own, and taken down together.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentProgram } from "./agent-program.ts";
import { AnswerTap } from "./answer-tap.ts";
import { type ProxyConfig, proxyConfig } from "./config.ts";
import type { InstalledProxy } from "./installed-proxies.ts";
import { RunningProgram } from "./running-program.ts";
import { Upstream, type UpstreamEcho } from "./upstream.ts";

export interface HouseOptions {
  /** Path of a module, or its bytes. */
  readonly module: string | Uint8Array;
  readonly agentFlags?: readonly string[];
  readonly config?: Pick<
    ProxyConfig,
    "events" | "timeoutMs" | "failureMode" | "circuitBreaker" | "agentConfig"
  >;
  /** Makes the proxy's configuration from the addresses; what config.ts builds, unless given. */
  readonly configText?: (addresses: HouseAddresses) => string;
  /** Listens to what the agent tells the proxy. */
  readonly hasTap?: boolean;
  /** What must hold before the house counts as open; by default that the agent's answers arrive. */
  readonly isOpen?: (house: House) => Promise<boolean>;
}

export interface HouseAddresses {
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
  readonly body?: string;
}

const AGENT_READY_WITHIN_MS = 15_000;
const PROXY_READY_WITHIN_MS = 20_000;
const ANSWER_WITHIN_MS = 20_000;

export class House implements AsyncDisposable {
  readonly upstream = new Upstream();
  readonly #folder = mkdtempSync(join(tmpdir(), "agent-proxy-"));
  readonly #addresses: HouseAddresses;
  readonly #tapPath = join(this.#folder, "tap.sock");
  readonly #agentCommand: readonly string[];
  #agent: RunningProgram | null = null;
  #proxy: RunningProgram | null = null;
  #tap: AnswerTap | null = null;

  private constructor(modulePath: string | null, agentFlags: readonly string[]) {
    const socketPath = join(this.#folder, "agent.sock");
    this.#addresses = { listen: `127.0.0.1:${freePort()}`, upstream: this.upstream.address, socketPath };
    this.#agentCommand = [
      ...agentProgram(),
      "--socket",
      socketPath,
      "--module",
      modulePath ?? join(this.#folder, "module.wasm"),
      "--log-format",
      "json",
      ...agentFlags,
    ];
  }

  /** Agent first, then the proxy: the older proxies want it that way (docs/agent-protocol.md 14.1). */
  static async open(proxy: InstalledProxy, options: HouseOptions): Promise<House> {
    const isPath = typeof options.module === "string";
    const house = new House(isPath ? options.module : null, options.agentFlags ?? []);
    try {
      if (!isPath) await Bun.write(join(house.#folder, "module.wasm"), options.module);
      await house.startAgent();
      if (options.hasTap === true) await house.#openTap();
      await house.#startProxy(proxy, options);
    } catch (error) {
      await house[Symbol.asyncDispose]();
      throw error;
    }
    return house;
  }

  async request(
    target: string,
    { method = "GET", headers = {}, body: sent }: ClientRequest = {},
  ): Promise<ClientAnswer> {
    const response = await fetch(`http://${this.#addresses.listen}${target}`, {
      method,
      headers: { ...headers },
      ...(sent === undefined ? {} : { body: sent }),
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body = await response.text();
    const isEcho = response.headers.get("x-upstream") === "reached";
    return {
      status: response.status,
      headers: response.headers,
      body,
      echo: isEcho ? (JSON.parse(body) as UpstreamEcho) : null,
    };
  }

  async startAgent(): Promise<void> {
    const agent = RunningProgram.start("the agent", this.#agentCommand, join(this.#folder, "agent.log"));
    this.#agent = agent;
    await agent.waitUntil("its socket took connections", AGENT_READY_WITHIN_MS, () =>
      takesConnections({ unix: this.#addresses.socketPath }),
    );
  }

  /** As `systemctl stop` would. */
  async stopAgent(): Promise<void> {
    await this.#agent?.stop();
  }

  /** As the out-of-memory killer would; the socket file stays behind. */
  async killAgent(): Promise<void> {
    await this.#agent?.kill();
  }

  /** Everything the agents of this house have logged, one JSON object a line. */
  agentLog(): string {
    return this.#agent?.log() ?? "";
  }

  /** What the agent has told the proxy, in a house with a tap. */
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

  async #startProxy(proxy: InstalledProxy, options: HouseOptions): Promise<void> {
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

async function answersArrive(house: House): Promise<boolean> {
  return (await house.request("/")).status === 200;
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
