/**
 * The whole agent within the test's process: socket, protocols, dispatcher, ring and guest as `serve` wires them, from
 * the same options. What only a process of its own can show is for AgentProcess.
 */

import { Agent } from "../../src/agent/agent.ts";
import { AgentMetrics } from "../../src/agent/agent-metrics.ts";
import type { Settings } from "../../src/agent/settings.ts";
import { SERVE_OPTIONS } from "../../src/cli/options.ts";
import { EventObservers } from "../../src/event/observer.ts";
import { readOptions } from "../../src/cli/read-options.ts";
import { V2Proxy } from "./fake-proxy.ts";
import { RecordedLog } from "./recorded-log.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

export class ServingAgent implements AsyncDisposable {
  readonly settings: Settings;
  readonly log: RecordedLog;
  readonly #agent: Agent;
  readonly #folder: TemporaryFolder;
  readonly #proxies: V2Proxy[] = [];

  private constructor(settings: Settings, log: RecordedLog, agent: Agent, folder: TemporaryFolder) {
    this.settings = settings;
    this.log = log;
    this.#agent = agent;
    this.#folder = folder;
  }

  /** With `--dispatch workers`, resolves when all threads run. @throws ModuleError */
  static async start(module: Uint8Array, flags: readonly string[] = []): Promise<ServingAgent> {
    const folder = temporaryFolder();
    try {
      const settings = readOptions(SERVE_OPTIONS, {
        argv: ["--module", folder.file("guest.wasm"), "--socket", folder.file("agent.sock"), ...flags],
        env: {},
        terminal: { stderrIsTerminal: false },
      });
      await Bun.write(settings.modulePath, module);
      const log = new RecordedLog({ debugEnabled: settings.verbose });
      const metrics = new AgentMetrics(settings, log);
      const observers = new EventObservers();
      const onSuperseded = () => {};
      const agent = await Agent.start({ settings, log, metrics, observers, inheritedFd: null, onSuperseded });
      const serving = new ServingAgent(settings, log, agent, folder);
      await serving.untilThreadsRun();
      return serving;
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }

  /** A proxy with a connection of its own. */
  async proxy(version?: string): Promise<V2Proxy> {
    const proxy = await V2Proxy.connect(this.settings.socketPath, version);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Puts another module in place of the served one, as `--watch` and SIGHUP do. @throws ModuleError */
  async reload(module: Uint8Array): Promise<void> {
    await Bun.write(this.settings.modulePath, module);
    await this.#agent.reload();
    await this.untilThreadsRun();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) proxy.wire.terminate();
    await this.#agent.stop();
    this.#folder[Symbol.dispose]();
  }

  /** Until then, events are handled on this thread. */
  private async untilThreadsRun(): Promise<void> {
    if (this.settings.dispatch !== "workers") return;
    while (this.#agent.readyThreads < this.settings.poolSize) await Bun.sleep(5);
  }
}
