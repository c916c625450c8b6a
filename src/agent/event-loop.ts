/**
 * All that one event loop owns: the guest in its ring, the open exchanges, what the proxy configured, the dispatcher before
 * them, and the listener with its connections. The only place that knows all layers. Nothing here is shared with another
 * loop but the settings, the log and the observers.
 */

import manifest from "../../package.json" with { type: "json" };
import { EventTranscoder } from "../abi/json/transcoder/event-transcoder.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { ConfigureOutcome } from "../event/event-sink.ts";
import type { EventObservers } from "../event/observer.ts";
import { ExchangeTable } from "../exchange/exchange-table.ts";
import { chooseProtocol } from "../protocol/choose-protocol.ts";
import { decodeHeaders } from "../protocol/decode-headers.ts";
import type { AgentProfile } from "../protocol/protocol-options.ts";
import type { Log } from "../telemetry/log.ts";
import type { LoopMetrics } from "../telemetry/metrics/loop-metrics.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { Listener, ListenerOptions } from "../transport/uds/listener.ts";
import { LiveGuest } from "./live-guest.ts";
import { ProxyConfig } from "./proxy-config.ts";
import type { Settings } from "./settings.ts";
import { compileTranscoder } from "./transcoder-module.ts";

export interface EventLoopOptions {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: LoopMetrics;
  readonly moduleMetrics: ModuleMetrics;
  readonly observers: EventObservers;
  /** The proxy has sent a configuration, which was applied or refused. */
  onConfigured(outcome: ConfigureOutcome): void;
}

/** What of the listener is the process's own choice. */
export type ListenerChoice = Pick<ListenerOptions, "inheritedFd" | "onNameLost">;

export class EventLoop {
  readonly guest: LiveGuest;
  readonly exchanges: ExchangeTable;
  readonly dispatcher: Dispatcher;
  readonly config: ProxyConfig;
  readonly #options: EventLoopOptions;
  readonly #reader: EventTranscoder;
  #listener: Listener | null = null;

  private constructor(options: EventLoopOptions, guest: LiveGuest, reader: EventTranscoder) {
    const { settings, log } = options;
    this.#options = options;
    this.#reader = reader;
    this.guest = guest;
    this.config = this.#makeConfig();
    this.exchanges = new ExchangeTable({
      maxExchanges: settings.maxExchanges,
      timeoutMs: settings.exchangeTimeoutMs,
    });
    this.dispatcher = new Dispatcher(guest.ring, {
      log,
      failOpen: settings.failOpen,
      exchanges: this.exchanges,
      subscribed: settings.events === null ? null : new Set(settings.events),
      strictInspection: settings.strictInspection,
      metrics: options.metrics,
      moduleMetrics: options.moduleMetrics,
      configure: (block) => this.#configure(block),
      observers: options.observers,
    });
  }

  /**
   * Loads and warms the module and makes its first instance. Nothing is served before `serve`.
   *
   * @throws ModuleError when the module cannot be used, InputError when the file of its configuration cannot.
   */
  static async load(options: EventLoopOptions): Promise<EventLoop> {
    const { settings, log, moduleMetrics } = options;
    // While the module is metered on this thread, others have time for it.
    const transcoder = compileTranscoder();
    // Awaited below; until then, a failure is nobody's.
    transcoder.catch(() => {});
    const { clock } = options.metrics;
    const guest = await LiveGuest.load({ settings, log, metrics: moduleMetrics, clock });
    return new EventLoop(options, guest, new EventTranscoder(await transcoder, decodeHeaders));
  }

  /** With what a listener is opened whose events come here. */
  listenerOptions(choice: ListenerChoice): ListenerOptions {
    const { settings, log, metrics } = this.#options;
    return {
      ...choice,
      path: settings.socketPath,
      mode: settings.socketMode,
      takesOver: settings.takeover,
      maxBufferedBytes: settings.maxBufferedBytes,
      log,
      metrics,
      chooseProtocol: chooseProtocol({
        events: this.dispatcher,
        log,
        redirectEncoding: settings.redirectEncoding,
        // Guests of other ABIs do not read its text: for them the protocol's decoder is the shorter way.
        reader: () => (this.guest.loaded.factory.abiName === "json" ? this.#reader : null),
        profile: () => this.#profile(),
      }),
    };
  }

  /** Its events come here already; from now on it belongs to the loop. */
  serve(listener: Listener): void {
    this.#listener = listener;
  }

  /** Only once it serves. */
  get listener(): Listener {
    if (this.#listener === null) throw new Error("the event loop does not serve yet");
    return this.#listener;
  }

  /** Stops accepting, answers what is in flight, and closes everything that was not handed over. */
  async close(): Promise<void> {
    this.listener.stopAccepting();
    await this.listener.drain(this.#options.settings.shutdownTimeoutMs);
    // Guests of open exchanges get their own end first.
    this.dispatcher.close();
    this.guest.close();
  }

  #configure(block: unknown): ConfigureOutcome {
    const outcome = this.config.apply(block);
    this.#options.onConfigured(outcome);
    return outcome;
  }

  #makeConfig(): ProxyConfig {
    const { settings, log } = this.#options;
    return new ProxyConfig(
      {
        configureGuest: (json) => this.guest.configure(json),
        setFailOpen: (failOpen) => {
          this.dispatcher.failOpen = failOpen;
        },
        setPoolSize: (size) => this.guest.resize(size),
        setEvents: (kinds) => {
          this.dispatcher.subscribed = new Set(kinds);
        },
      },
      { isIgnored: settings.ignoreProxyConfig, log },
    );
  }

  #profile(): AgentProfile {
    return {
      version: manifest.version,
      handles: this.guest.loaded.factory.handles,
      acceptsConfig: !this.#options.settings.ignoreProxyConfig,
      poolSize: this.guest.ring.size,
    };
  }
}
