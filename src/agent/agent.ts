/**
 * Wires the rooms together: a guest in a ring, a dispatcher before it, protocols before that, a socket in front. The
 * only place that knows them all.
 */

import manifest from "../../package.json" with { type: "json" };
import { EventTranscoder } from "../abi/json/transcoder/event-transcoder.ts";
import { compileTranscoder } from "./transcoder-module.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { EventObserver } from "../event/observer.ts";
import { ExchangeTable } from "../exchange/exchange-table.ts";
import type { Log } from "../telemetry/log.ts";
import { chooseProtocol } from "../protocol/choose-protocol.ts";
import { decodeHeaders } from "../protocol/decode-headers.ts";
import type { AgentProfile } from "../protocol/protocol-options.ts";
import { Listener } from "../transport/uds/listener.ts";
import { LiveGuest } from "./live-guest.ts";
import { ProxyConfig } from "./proxy-config.ts";
import type { Reloadable } from "./reloader.ts";
import type { Settings } from "./settings.ts";

export interface AgentOptions {
  readonly settings: Settings;
  readonly log: Log;
  /** A listening socket that was passed to this process, or null. */
  readonly inheritedFd: number | null;
  /** Is told of every event that was answered; null when nobody wants to know. */
  readonly observer?: EventObserver | null;
  /** The module is ready, and what follows takes no time: from now on the agent can be stopped in good order. */
  onGuestLoaded?(): void;
  /** Another agent took the socket path over. */
  onNameLost(): void;
}

export class Agent implements Reloadable {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #guest: LiveGuest;
  readonly #dispatcher: Dispatcher;
  readonly #listener: Listener;

  private constructor(options: AgentOptions, guest: LiveGuest, dispatcher: Dispatcher, listener: Listener) {
    this.#settings = options.settings;
    this.#log = options.log;
    this.#guest = guest;
    this.#dispatcher = dispatcher;
    this.#listener = listener;
  }

  /**
   * Loads and warms the module, makes its first instance, and only then opens the socket.
   *
   * @throws ModuleError, SocketError
   */
  static async start(options: AgentOptions): Promise<Agent> {
    const { settings, log } = options;
    // While the module is limited on this thread, others have time for it.
    const transcoder = compileTranscoder();
    // Awaited below; until then, nobody else must hear of a failure.
    transcoder.catch(() => {});
    const guest = await LiveGuest.load(settings, log);
    options.onGuestLoaded?.();
    const dispatcher = makeDispatcher(guest, options);
    const reader = new EventTranscoder(await transcoder, decodeHeaders);
    const listener = await Listener.open({
      path: settings.socketPath,
      mode: settings.socketMode,
      inheritedFd: options.inheritedFd,
      takesOver: settings.takeover,
      onNameLost: () => options.onNameLost(),
      log,
      chooseProtocol: chooseProtocol({
        events: dispatcher,
        log,
        redirectEncoding: settings.redirectEncoding,
        // Guests of other ABIs do not read its text: for them the protocol's decoder is the shorter way.
        reader: () => (guest.loaded.factory.abiName === "json" ? reader : null),
        profile: () => agentProfile(guest, settings),
      }),
    });
    return new Agent(options, guest, dispatcher, listener);
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

  /** @throws ModuleError when the new module cannot be used; the old one serves on. */
  async reload(): Promise<void> {
    await this.#guest.reload((ring) => this.#dispatcher.useRing(ring));
  }

  /** Stops accepting, answers what is under way, and closes everything. */
  async stop(): Promise<void> {
    this.#listener.stopAccepting();
    await this.#listener.drain(this.#settings.shutdownTimeoutMs);
    // Guests of open exchanges get their own end first.
    this.#dispatcher.close();
    this.#guest.close();
    const counters = this.#dispatcher.counters;
    this.#log.info("stopped", {
      requests: counters.requests,
      responses: counters.responses,
      refused: counters.refused,
      failures: counters.failures,
    });
  }
}

function makeDispatcher(guest: LiveGuest, options: AgentOptions): Dispatcher {
  const { settings, log, observer = null } = options;
  const config = new ProxyConfig(
    {
      configureGuest: (json) => guest.configure(json),
      setFailOpen: (failOpen) => {
        dispatcher.failOpen = failOpen;
      },
      setPoolSize: (size) => guest.resize(size),
      setEvents: (kinds) => {
        dispatcher.subscribed = new Set(kinds);
      },
    },
    { isIgnored: settings.ignoreProxyConfig, log },
  );
  const dispatcher = new Dispatcher(guest.ring, {
    log,
    failOpen: settings.failOpen,
    exchanges: new ExchangeTable({
      maxExchanges: settings.maxExchanges,
      timeoutMs: settings.exchangeTimeoutMs,
    }),
    subscribed: settings.events === null ? null : new Set(settings.events),
    strictInspection: settings.strictInspection,
    configure: (block) => config.apply(block),
    observer,
  });
  return dispatcher;
}

function agentProfile(guest: LiveGuest, settings: Settings): AgentProfile {
  const { factory } = guest.loaded;
  return {
    version: manifest.version,
    handles: factory.handles,
    acceptsConfig: !settings.ignoreProxyConfig,
    poolSize: guest.ring.size,
  };
}
