/**
 * The guest that serves at the moment: a module, its ring, and the configuration both were given. A reload makes a
 * whole new one beside it and swaps it in between two events.
 */

import { EventFailure } from "../event/failure.ts";
import { type Grants, makeGrantSettings, openGrants } from "../host/grants.ts";
import type { MetricReading } from "../host/metric-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { ReadClock } from "../telemetry/metrics/read-clock.ts";
import { LeaseRing } from "../ring/lease-ring.ts";
import { PerExchangeFactory } from "../ring/per-exchange-guest.ts";
import { Ring } from "../ring/ring.ts";
import type { SlotSettings } from "../ring/slot-settings.ts";
import { GuestConfig } from "./guest-config.ts";
import { type LoadedGuest, loadGuest } from "./load-guest.ts";
import type { Settings } from "./settings.ts";

export type AnyRing = Ring | LeaseRing;

/** A ring that takes longer to end, with events that run for seconds, is not waited for. */
const MAX_RETIRE_MS = 5000;

export interface LiveGuestOptions {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: ModuleMetrics;
  /** Of the event loop that calls the guest. */
  readonly clock: ReadClock;
}

export class LiveGuest {
  readonly #options: LiveGuestOptions;
  readonly #settings: Settings;
  readonly #log: Log;
  #loaded: LoadedGuest;
  #loadedAtMs = Date.now();
  #ring: AnyRing;
  readonly #config: GuestConfig;
  /** They outlive reloads: what guests share belongs to the process. */
  readonly #grants: Grants;
  #isClosed = false;
  /** Resolves when nothing is left of the ring that served before. */
  #retired: Promise<void> = Promise.resolve();

  private constructor(options: LiveGuestOptions, config: GuestConfig, loaded: LoadedGuest) {
    const { settings, log } = options;
    this.#options = options;
    this.#settings = settings;
    this.#log = log;
    this.#config = config;
    this.#loaded = loaded;
    this.#grants = openGrants(makeGrantSettings(settings.allowCallouts));
    const configJson = config.jsonFor(loaded.factory, config.file);
    this.#ring = this.#makeRing(loaded, configJson, settings.poolSize, false);
  }

  /** @throws ModuleError when the module cannot be used, InputError when the file of its configuration cannot. */
  static async load(options: LiveGuestOptions): Promise<LiveGuest> {
    const { settings, log } = options;
    const config = new GuestConfig(settings.configPath);
    const loaded = await loadGuest(settings, config, config.file, log);
    config.warnIfUnused(loaded.factory, log);
    return new LiveGuest(options, config, loaded);
  }

  /** When the module that serves was loaded, in milliseconds since the epoch. */
  get loadedAtMs(): number {
    return this.#loadedAtMs;
  }

  /** What guests count by themselves; it goes on over reloads. */
  get guestMetrics(): readonly MetricReading[] {
    return this.#grants.metrics.list();
  }

  get loaded(): LoadedGuest {
    return this.#loaded;
  }

  get ring(): AnyRing {
    return this.#ring;
  }

  resize(size: number): void {
    this.#ring.resize(size);
  }

  /** Null accepts. */
  configure(configJson: string): EventFailure | null {
    const failure = this.#ring.configure(configJson);
    if (failure === null) this.#config.push(configJson);
    return failure;
  }

  /**
   * Loads the module's file again, and that of its configuration. The ring of before is closed once `useRing` has been
   * called with the new one; on an error everything stays as it was.
   *
   * @throws ModuleError when the new module cannot be used or refuses what the proxy pushed, InputError when the file of
   *   its configuration cannot be used.
   */
  async reload(useRing: (ring: AnyRing) => void): Promise<void> {
    // Threads end slower than reloads can be asked for: without this, rings of the past would pile up.
    await Promise.race([this.#retired, Bun.sleep(MAX_RETIRE_MS)]);
    const file = this.#config.readFile();
    const loaded = await loadGuest(this.#settings, this.#config, file, this.#log);
    // The agent stopped meanwhile: nobody would ever close another ring.
    if (this.#isClosed) return;
    const before = this.#ring;
    // The proxy may have pushed another configuration while the module was loaded.
    const configJson = this.#config.jsonFor(loaded.factory, file);
    this.#ring = this.#makeRing(loaded, configJson, before.size, true);
    this.#loaded = loaded;
    this.#loadedAtMs = Date.now();
    this.#config.useFile(file);
    this.#config.warnIfUnused(loaded.factory, this.#log);
    useRing(this.#ring);
    before.close();
    this.#retired = before.ended;
  }

  close(): void {
    this.#isClosed = true;
    this.#ring.close();
  }

  #makeRing(loaded: LoadedGuest, configJson: string | null, size: number, isServing: boolean): AnyRing {
    const { factory, recipe } = loaded;
    const { dispatch, isolation } = this.#settings;
    const grants = this.#grants;
    const common = {
      recipe,
      size,
      dispatch,
      settings: slotSettings(this.#settings),
      configJson,
      log: this.#log,
      metrics: this.#options.metrics,
    };
    try {
      if (factory.isStateful) return new LeaseRing({ ...common, factory, grants, takesSingleEvents: false });
      if (isolation === "per-request" && factory.handles.size > 1) {
        const exclusive = new PerExchangeFactory(factory);
        return new LeaseRing({
          ...common,
          factory: exclusive,
          grants,
          takesSingleEvents: true,
          wantsRequest: () => exclusive.wantsRequest,
        });
      }
      return new Ring({ ...common, factory, isServing, clock: this.#options.clock });
    } catch (error) {
      if (!(error instanceof EventFailure)) throw error;
      throw this.#config.refusal(error);
    }
  }
}

function slotSettings(settings: Settings): SlotSettings {
  return {
    timeoutMs: settings.timeoutMs,
    startTimeoutMs: settings.startTimeoutMs,
    recycleAfterCalls: settings.recycleAfterCalls,
    recycleMemoryBytes: settings.recycleMemoryBytes,
    isFreshPerRequest: settings.isolation === "per-request",
    guestLogRate: settings.guestLogRate,
    reportedFunctions: new Set(),
  };
}
