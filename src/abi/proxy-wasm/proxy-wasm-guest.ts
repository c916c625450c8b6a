/**
 * A Proxy-Wasm guest as rings know it. Filters want their configuration before anything else, and it may come later than
 * the instance: a guest that does not start without one waits for it.
 */

import type { ProxyEvent } from "../../event/event.ts";
import { EventFailure } from "../../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { GuestContext, StatefulGuest } from "../contract.ts";
import { HttpContext } from "./http-context.ts";
import { Plugin, type PluginParts } from "./plugin.ts";
import { EMPTY_CONFIGURATION, type PluginConfiguration, readConfiguration } from "./plugin-configuration.ts";

/** What shows only when a module runs; shared by all of its instances on a thread. */
export interface ModuleTraits {
  /** Null until the first instance was asked for a stream context. */
  takesStreams: boolean | null;
}

export class ProxyWasmGuest implements StatefulGuest {
  readonly #parts: PluginParts;
  readonly #traits: ModuleTraits;
  readonly #recycleGcBytes: number;
  #plugin: Plugin;
  /** Whether the plugin was told of a configuration, be it an empty one. */
  #isBooted = false;
  /** Why the guest does not start without a configuration; null when it does, or has one. */
  #bootFailure: EventFailure | null = null;
  #hasServed = false;

  /**
   * `recycleGcBytes`: the instance is to be replaced once it has made so many bytes of garbage-collected objects.
   *
   * @throws ModuleError
   */
  constructor(parts: PluginParts, traits: ModuleTraits, recycleGcBytes: number) {
    this.#parts = parts;
    this.#traits = traits;
    this.#recycleGcBytes = recycleGcBytes;
    this.#plugin = new Plugin(parts);
    // Otherwise `configure` follows.
    if (parts.host.configJson == null) this.#bootWithoutConfiguration();
  }

  get isBroken(): boolean {
    return this.#bootFailure === null && this.#plugin.isBroken;
  }

  get isDueForRecycling(): boolean {
    return this.#plugin.readGcBytes() > this.#recycleGcBytes;
  }

  get memoryBytes(): number {
    return this.#plugin.memoryBytes;
  }

  get fuelUsed(): number | null {
    return this.#plugin.fuelUsed;
  }

  configure(configJson: string, timeoutMs: number): EventFailure | null {
    const configuration = readConfiguration(configJson);
    if (this.#hasServed) return this.#plugin.reconfigure(configuration, timeoutMs);
    // It has started with an empty one, and configurations may add up.
    if (this.#isBooted) this.#restart();
    this.#bootFailure = null;
    return this.#boot(configuration, timeoutMs);
  }

  open(): GuestContext {
    if (!this.#isBooted) this.#bootWithoutConfiguration();
    this.#hasServed = true;
    if (this.#bootFailure !== null) return new UnstartedContext(this.#bootFailure);
    return this.#traits.takesStreams === false ? NO_CONTEXT : new HttpContext(this.#plugin);
  }

  close(): void {
    this.#plugin.close();
  }

  #bootWithoutConfiguration(): void {
    const { host } = this.#parts;
    this.#bootFailure = this.#boot(EMPTY_CONFIGURATION, host.startTimeoutMs);
    if (this.#bootFailure === null) return;
    this.#plugin.close();
    host.log.info("the module does not start without a configuration, and waits for one", {
      slot: host.slot,
      reason: this.#bootFailure.message,
    });
  }

  /** The first instance shows whether the module serves HTTP at all. One that does not is kept for its ticks and queues. */
  #boot(configuration: PluginConfiguration, timeoutMs: number): EventFailure | null {
    this.#isBooted = true;
    const failure = this.#plugin.boot(configuration, timeoutMs);
    if (failure !== null || this.#traits.takesStreams !== null) return failure;
    const trial = this.#plugin.tryStream(timeoutMs);
    if (trial !== null && trial.code !== "guest-trap") return trial;
    this.#traits.takesStreams = trial === null;
    if (trial === null) return null;
    const { host } = this.#parts;
    host.log.warn(
      "the module serves no HTTP: it traps when a request's context is made; requests pass, and its ticks and queues go on",
      { slot: host.slot },
    );
    this.#restart();
    return this.#plugin.boot(configuration, timeoutMs);
  }

  #restart(): void {
    this.#plugin.close();
    this.#plugin = new Plugin(this.#parts);
  }
}

/** For events that come before the configuration. */
class UnstartedContext implements GuestContext {
  readonly #failure: EventFailure;

  constructor(cause: EventFailure) {
    this.#failure = new EventFailure(
      "guest-configuration-refused",
      `the module does not start without a configuration: ${cause.message}; give it one in the agent's config block`,
      { cause },
    );
  }

  call(): never {
    throw this.#failure;
  }

  end(): void {
    // Nothing has begun.
  }
}

/** Of modules that serve no HTTP. */
const NO_CONTEXT: GuestContext = {
  call: (_event: ProxyEvent): Verdict => PLAIN_ALLOW,
  end: () => {},
};
