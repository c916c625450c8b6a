/**
 * Wires the layers together: a guest in a ring, a dispatcher before it, protocols before that, a socket in front. The
 * only place that knows them all.
 */

import manifest from "../../package.json" with { type: "json" };
import { EventTranscoder } from "../abi/json/transcoder/event-transcoder.ts";
import { compileTranscoder } from "./transcoder-module.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { ConfigureOutcome } from "../event/event-sink.ts";
import type { EventObservers, TakeoverFacts } from "../event/observer.ts";
import { ExchangeTable } from "../exchange/exchange-table.ts";
import type { FdStore } from "../os/fd-store.ts";
import type { Log } from "../telemetry/log.ts";
import { chooseProtocol } from "../protocol/choose-protocol.ts";
import { decodeHeaders } from "../protocol/decode-headers.ts";
import type { AgentFacts } from "./agent-facts.ts";
import type { AgentMetrics } from "./agent-metrics.ts";
import type { AgentProfile } from "../protocol/protocol-options.ts";
import type { PassedDescriptor } from "../transport/uds/inherited-socket.ts";
import { type HeldListener, Listener, type ListenerOptions } from "../transport/uds/listener.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { LiveGuest } from "./live-guest.ts";
import { ProxyConfig } from "./proxy-config.ts";
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
  readonly #guest: LiveGuest;
  readonly #exchanges: ExchangeTable;
  readonly #dispatcher: Dispatcher;
  readonly #config: ProxyConfig;
  #listener!: Listener;
  #handover: HandoverServer | null = null;
  #kept: KeptConnections | null = null;
  #takeovers = 0;

  private constructor(options: AgentOptions, guest: LiveGuest) {
    const { settings, log } = options;
    this.#options = options;
    this.#settings = settings;
    this.log = log;
    this.#guest = guest;
    this.#config = this.#makeConfig();
    this.#exchanges = new ExchangeTable({
      maxExchanges: settings.maxExchanges,
      timeoutMs: settings.exchangeTimeoutMs,
    });
    this.#dispatcher = new Dispatcher(guest.ring, {
      log,
      failOpen: settings.failOpen,
      exchanges: this.#exchanges,
      subscribed: settings.events === null ? null : new Set(settings.events),
      strictInspection: settings.strictInspection,
      metrics: options.metrics.loop,
      moduleMetrics: options.metrics.module,
      configure: (block) => this.#configure(block),
      observers: options.observers,
    });
  }

  /**
   * Loads and warms the module, makes its first instance, and only then opens the socket or takes it over.
   *
   * @throws ModuleError, SocketError
   */
  static async start(options: AgentOptions): Promise<Agent> {
    const { settings, log } = options;
    // While the module is limited on this thread, others have time for it.
    const transcoder = compileTranscoder();
    // Awaited below; until then, nobody else must hear of a failure.
    transcoder.catch(() => {});
    const { module, loop } = options.metrics;
    const guest = await LiveGuest.load({ settings, log, metrics: module, clock: loop.clock });
    options.onGuestLoaded?.();
    const agent = new Agent(options, guest);
    await agent.#open(new EventTranscoder(await transcoder, decodeHeaders));
    return agent;
  }

  get sha256(): string {
    return this.#guest.loaded.module.sha256;
  }

  /** Worker threads that serve at the moment. */
  get readyThreads(): number {
    return this.#guest.ring.readyThreads;
  }

  /** Facts for the `ready` line. */
  describe(): Readonly<Record<string, string | number | boolean>> {
    const { module, factory } = this.#guest.loaded;
    return {
      version: manifest.version,
      socket: this.#settings.socketPath,
      module: this.#settings.modulePath,
      sha256: module.sha256,
      abi: factory.abiName,
      pool_size: this.#guest.ring.size,
      policy: this.#dispatcher.failOpen ? "fail-open" : "fail-closed",
      limits: module.limited !== null,
    };
  }

  /** How often a new process has taken over since the first one started; the event counters go on from there. */
  get takeovers(): number {
    return this.#takeovers;
  }

  /** Of connections that were paused or closed for what they hold, since this process started. */
  get bufferCounters(): Listener["bufferCounters"] {
    return this.#listener.bufferCounters;
  }

  /** @throws ModuleError when the new module cannot be used; the old one serves on. */
  async reload(): Promise<void> {
    const { metrics } = this.#options;
    try {
      await this.#guest.reload((ring) => this.#dispatcher.useRing(ring));
      metrics.countReload(true);
    } catch (error) {
      metrics.countReload(false);
      throw error;
    }
  }

  /** Of a function of the module that serves, by its index in what runs. */
  functionName(index: number): string | undefined {
    return this.#guest.loaded.module.limited?.functionName(index);
  }

  facts(): AgentFacts {
    const { ring, loaded, loadedAtMs } = this.#guest;
    const { opened, ended } = this.#exchanges.counters;
    return {
      sha256: loaded.module.sha256,
      abi: loaded.factory.abiName,
      loadedAtMs,
      failOpen: this.#dispatcher.failOpen,
      poolSize: ring.size,
      memoryLimitBytes: loaded.module.limits?.maxMemoryBytes ?? null,
      instances: ring.instanceStates,
      canServe: ring.canServe,
      threads: ring.readyThreads,
      memoryBytes: ring.memoryBytes,
      guestMetrics: this.#guest.guestMetrics,
      eventsInFlight: this.#listener.pendingCount,
      bufferedBytes: this.#listener.bufferedBytes,
      bufferPauses: this.#listener.bufferCounters.paused,
      exchanges: { open: this.#exchanges.size, opened, ended },
      isConfigured: this.#options.metrics.isLastPushAccepted,
      takeovers: this.#takeovers,
    };
  }

  /** Stops accepting, answers what is in flight, and closes everything that was not handed over. */
  async stop(): Promise<void> {
    await this.#handover?.close();
    if (this.#kept !== null) await this.#keepConnections(this.#kept);
    this.#listener.stopAccepting();
    await this.#listener.drain(this.#settings.shutdownTimeoutMs);
    // Guests of open exchanges get their own end first.
    this.#dispatcher.close();
    this.#guest.close();
    const { requests, responses, refused, failures } = this.#options.metrics.loop.events.totals;
    this.log.info("stopped", { requests, responses, refused, failures });
  }

  saveState(): AgentState {
    return {
      proxyConfig: this.#config.acceptedJson,
      counters: this.#options.metrics.save(),
      exchanges: this.#exchanges.save(),
      takeovers: this.#takeovers,
    };
  }

  get settleMs(): number {
    return this.#settings.shutdownTimeoutMs;
  }

  settle(duplicate: (descriptor: number) => number): Promise<void> {
    return this.#listener.settle(this.settleMs, duplicate);
  }

  hold(): HeldListener {
    return this.#listener.hold();
  }

  release(): void {
    this.#listener.release();
  }

  onHandedOver(): void {
    this.#listener.forgetHeld();
    this.#options.onSuperseded();
  }

  applyProxyConfig({ proxyConfig }: AgentState): void {
    if (proxyConfig === null) return;
    const outcome = this.#config.apply(JSON.parse(proxyConfig));
    if (outcome.accepted) return;
    throw new ModuleError(
      "module-start-failed",
      `the module refuses the proxy's configuration: ${outcome.reason}`,
    );
  }

  restore({ counters, exchanges, takeovers }: AgentState): void {
    this.#options.metrics.add(counters);
    this.#exchanges.restore(exchanges);
    this.#takeovers = takeovers + 1;
  }

  onTakenOver(takeover: TakeoverFacts): void {
    this.#options.observers.onTakeover(takeover);
  }

  isStopping(): boolean {
    return this.#options.isStopping?.() ?? false;
  }

  async #open(reader: EventTranscoder): Promise<void> {
    const { takeover, redirectEncoding, socketPath } = this.#settings;
    const options: ListenerOptions = {
      path: socketPath,
      mode: this.#settings.socketMode,
      inheritedFd: this.#options.inheritedFd,
      takesOver: takeover,
      maxBufferedBytes: this.#settings.maxBufferedBytes,
      onNameLost: () => this.#options.onSuperseded(),
      log: this.log,
      metrics: this.#options.metrics.loop,
      chooseProtocol: chooseProtocol({
        events: this.#dispatcher,
        log: this.log,
        redirectEncoding,
        // Guests of other ABIs do not read its text: for them the protocol's decoder is the shorter way.
        reader: () => (this.#guest.loaded.factory.abiName === "json" ? reader : null),
        profile: () => this.#profile(),
      }),
    };
    if (options.inheritedFd !== null) {
      await this.#openInherited(options, options.inheritedFd);
      return;
    }
    this.#listener = (takeover ? await takeOver(options, this) : null) ?? (await Listener.open(options));
    const { inode } = this.#listener;
    if (inode === null) return;
    this.#handover = HandoverServer.open({ socketPath, socketInode: inode, owner: this, log: this.log });
  }

  async #openInherited(options: ListenerOptions, inheritedFd: number): Promise<void> {
    const { store = null, stored = [] } = this.#options;
    if (store === null) {
      this.#listener = await Listener.open(options);
      return;
    }
    const recovery = this.#recover(store, stored);
    this.#listener = await Listener.takeOver(options, inheritedFd, recovery?.connections ?? []);
    this.#kept = new KeptConnections(store, this.log);
    this.#kept.writeConfig(this.#config.acceptedJson);
    this.#kept.start(this.#listener, recovery);
    this.#listener.release();
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
    this.#listener.forgetHeld();
    this.log.info("left the connections to the process that comes next", { connections: count });
  }

  #configure(block: unknown): ConfigureOutcome {
    const outcome = this.#config.apply(block);
    this.#options.metrics.countConfigPush(outcome.accepted);
    this.#kept?.writeConfig(this.#config.acceptedJson);
    return outcome;
  }

  #makeConfig(): ProxyConfig {
    return new ProxyConfig(
      {
        configureGuest: (json) => this.#guest.configure(json),
        setFailOpen: (failOpen) => {
          this.#dispatcher.failOpen = failOpen;
        },
        setPoolSize: (size) => this.#guest.resize(size),
        setEvents: (kinds) => {
          this.#dispatcher.subscribed = new Set(kinds);
        },
      },
      { isIgnored: this.#settings.ignoreProxyConfig, log: this.log },
    );
  }

  #profile(): AgentProfile {
    const { factory } = this.#guest.loaded;
    return {
      version: manifest.version,
      handles: factory.handles,
      acceptsConfig: !this.#settings.ignoreProxyConfig,
      poolSize: this.#guest.ring.size,
    };
  }
}
