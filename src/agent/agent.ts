/**
 * A serving agent: its event loop, and what belongs to the process rather than to a loop: how the socket is come by, how
 * connections go to the next process, reloads, and what can be seen of it all.
 */

import manifest from "../../package.json" with { type: "json" };
import type { EventObservers, TakeoverFacts } from "../event/observer.ts";
import type { FdStore } from "../os/fd-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { AgentFacts } from "./agent-facts.ts";
import type { AgentMetrics } from "./agent-metrics.ts";
import type { PassedDescriptor } from "../transport/uds/inherited-socket.ts";
import { type HeldListener, Listener, type ListenerOptions } from "../transport/uds/listener.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { EventLoop } from "./event-loop.ts";
import type { Reloadable } from "./reloader.ts";
import type { Settings } from "./settings.ts";
import type { AgentState } from "./takeover/agent-state.ts";
import { type HandoverOwner, HandoverServer } from "./takeover/handover-server.ts";
import { KeptConnections, type Recovery } from "./takeover/kept-connections.ts";
import { type TakeoverTarget, takeOver } from "./takeover/take-over.ts";

export interface AgentOptions {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: AgentMetrics;
  /** A listening socket that was passed to this process, or null. */
  readonly inheritedFd: number | null;
  /** Are told of every event that a guest was called for, once it is answered. */
  readonly observers: EventObservers;
  /** The module is ready, and what follows takes no time: from now on the agent can be stopped in good order. */
  onGuestLoaded?(): void;
  /** Another agent serves in this one's place, which should stop. */
  onSuperseded(): void;
  /** Whether it was asked to stop already, while it starts. */
  isStopping?(): boolean;
  /** Where connections outlive this process; null where the service manager keeps nothing. */
  readonly store?: FdStore | null;
  /** What an earlier process had put there. */
  readonly stored?: readonly PassedDescriptor[];
}

export class Agent implements Reloadable, HandoverOwner, TakeoverTarget {
  readonly log: Log;
  readonly #options: AgentOptions;
  readonly #settings: Settings;
  readonly #loop: EventLoop;
  #handover: HandoverServer | null = null;
  #kept: KeptConnections | null = null;
  #takeovers = 0;

  private constructor(options: AgentOptions, loop: EventLoop) {
    this.#options = options;
    this.#settings = options.settings;
    this.log = options.log;
    this.#loop = loop;
  }

  /**
   * Loads and warms the module, makes its first instance, and only then opens the socket or takes it over.
   *
   * @throws ModuleError, InputError, SocketError
   */
  static async start(options: AgentOptions): Promise<Agent> {
    const { settings, log, metrics, observers } = options;
    const loop = await EventLoop.load({
      settings,
      log,
      metrics: metrics.loop,
      moduleMetrics: metrics.module,
      observers,
      onConfigured: ({ accepted }) => {
        metrics.countConfigPush(accepted);
        agent.#kept?.writeConfig(loop.config.acceptedJson);
      },
    });
    const agent = new Agent(options, loop);
    options.onGuestLoaded?.();
    await agent.#open();
    return agent;
  }

  get sha256(): string {
    return this.#loop.guest.loaded.module.sha256;
  }

  /** Worker threads that serve at the moment. */
  get readyThreads(): number {
    return this.#loop.guest.ring.readyThreads;
  }

  /** Facts for the `ready` line. */
  describe(): Readonly<Record<string, string | number | boolean>> {
    const { module, factory } = this.#loop.guest.loaded;
    return {
      version: manifest.version,
      socket: this.#settings.socketPath,
      module: this.#settings.modulePath,
      sha256: module.sha256,
      abi: factory.abiName,
      pool_size: this.#loop.guest.ring.size,
      policy: this.#loop.dispatcher.failOpen ? "fail-open" : "fail-closed",
      limits: module.limited !== null,
    };
  }

  /** How often a new process has taken over since the first one started; the event counters go on from there. */
  get takeovers(): number {
    return this.#takeovers;
  }

  /** Of connections that were paused or closed for what they hold, since this process started. */
  get bufferCounters(): Listener["bufferCounters"] {
    return this.#loop.listener.bufferCounters;
  }

  /** @throws ModuleError when the new module cannot be used; the old one serves on. */
  async reload(): Promise<void> {
    const { metrics } = this.#options;
    try {
      await this.#loop.guest.reload((ring) => this.#loop.dispatcher.useRing(ring));
      metrics.countReload(true);
    } catch (error) {
      metrics.countReload(false);
      throw error;
    }
  }

  /** Of a function of the module that serves, by its index in what runs. */
  functionName(index: number): string | undefined {
    return this.#loop.guest.loaded.module.limited?.functionName(index);
  }

  facts(): AgentFacts {
    const { ring, loaded, loadedAtMs } = this.#loop.guest;
    const { opened, ended } = this.#loop.exchanges.counters;
    return {
      sha256: loaded.module.sha256,
      abi: loaded.factory.abiName,
      loadedAtMs,
      failOpen: this.#loop.dispatcher.failOpen,
      poolSize: ring.size,
      memoryLimitBytes: loaded.module.limits?.maxMemoryBytes ?? null,
      instances: ring.instanceStates,
      canServe: ring.canServe,
      threads: ring.readyThreads,
      memoryBytes: ring.memoryBytes,
      guestMetrics: this.#loop.guest.guestMetrics,
      eventsInFlight: this.#loop.listener.pendingCount,
      bufferedBytes: this.#loop.listener.bufferedBytes,
      bufferPauses: this.#loop.listener.bufferCounters.paused,
      exchanges: { open: this.#loop.exchanges.size, opened, ended },
      isConfigured: this.#options.metrics.isLastPushAccepted,
      takeovers: this.#takeovers,
    };
  }

  /** Stops accepting, answers what is in flight, and closes everything that was not handed over. */
  async stop(): Promise<void> {
    await this.#handover?.close();
    if (this.#kept !== null) await this.#keepConnections(this.#kept);
    await this.#loop.close();
    const { requests, responses, refused, failures } = this.#options.metrics.loop.events.totals;
    this.log.info("stopped", { requests, responses, refused, failures });
  }

  saveState(): AgentState {
    return {
      proxyConfig: this.#loop.config.acceptedJson,
      counters: this.#options.metrics.save(),
      exchanges: this.#loop.exchanges.save(),
      takeovers: this.#takeovers,
    };
  }

  get settleMs(): number {
    return this.#settings.shutdownTimeoutMs;
  }

  settle(duplicate: (descriptor: number) => number): Promise<void> {
    return this.#loop.listener.settle(this.settleMs, duplicate);
  }

  hold(): HeldListener {
    return this.#loop.listener.hold();
  }

  release(): void {
    this.#loop.listener.release();
  }

  onHandedOver(): void {
    this.#loop.listener.forgetHeld();
    this.#options.onSuperseded();
  }

  applyProxyConfig({ proxyConfig }: AgentState): void {
    if (proxyConfig === null) return;
    const outcome = this.#loop.config.apply(JSON.parse(proxyConfig));
    if (outcome.accepted) return;
    throw new ModuleError(
      "module-start-failed",
      `the module refuses the proxy's configuration: ${outcome.reason}`,
    );
  }

  restore({ counters, exchanges, takeovers }: AgentState): void {
    this.#options.metrics.add(counters);
    this.#loop.exchanges.restore(exchanges);
    this.#takeovers = takeovers + 1;
  }

  onTakenOver(takeover: TakeoverFacts): void {
    this.#options.observers.onTakeover(takeover);
  }

  isStopping(): boolean {
    return this.#options.isStopping?.() ?? false;
  }

  async #open(): Promise<void> {
    const { takeover, socketPath } = this.#settings;
    const options = this.#loop.listenerOptions({
      inheritedFd: this.#options.inheritedFd,
      onNameLost: () => this.#options.onSuperseded(),
    });
    if (options.inheritedFd !== null) {
      await this.#openInherited(options, options.inheritedFd);
      return;
    }
    const listener = (takeover ? await takeOver(options, this) : null) ?? (await Listener.open(options));
    this.#loop.serve(listener);
    const { inode } = listener;
    if (inode === null) return;
    this.#handover = HandoverServer.open({ socketPath, socketInode: inode, owner: this, log: this.log });
  }

  async #openInherited(options: ListenerOptions, inheritedFd: number): Promise<void> {
    const { store = null, stored = [] } = this.#options;
    if (store === null) {
      this.#loop.serve(await Listener.open(options));
      return;
    }
    const recovery = this.#recover(store, stored);
    const listener = await Listener.takeOver(options, inheritedFd, recovery?.connections ?? []);
    this.#loop.serve(listener);
    this.#kept = new KeptConnections(store, this.log);
    this.#kept.writeConfig(this.#loop.config.acceptedJson);
    this.#kept.start(listener, recovery);
    listener.release();
  }

  /** What the process before left; null when it left nothing, or nothing that can be used. */
  #recover(store: FdStore, stored: readonly PassedDescriptor[]): Recovery | null {
    const recovery = KeptConnections.recover(stored, store, this.log);
    if (recovery === null) return null;
    try {
      this.applyProxyConfig(recovery.agent);
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      // There is no agent any more that could go on with the module before.
      this.log.error("the connections of the process before are closed", { reason: error.message });
      KeptConnections.discard(recovery, store);
      return null;
    }
    const { connections, hasCrashed } = recovery;
    this.restore(recovery.agent);
    this.onTakenOver({ connections: connections.length, afterCrash: hasCrashed });
    this.log.info("took up the connections of the process before", {
      connections: connections.length,
      closed: recovery.lost,
      crashed: hasCrashed,
    });
    return recovery;
  }

  async #keepConnections(kept: KeptConnections): Promise<void> {
    await this.settle((descriptor) => this.#options.store!.calls.duplicate(descriptor));
    const count = kept.save(this.saveState(), this.hold().connections);
    this.#loop.listener.forgetHeld();
    this.log.info("left the connections to the process that comes next", { connections: count });
  }
}
