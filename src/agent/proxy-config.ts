/**
 * What a proxy pushes at run time (docs/agent-protocol.md 13): `fail-open`, `pool-size` and `events` are applied, the
 * whole block goes to the guest, every other key is only named in a warning. It arrives once per connection, so the same content
 * again changes nothing; and since a refusal takes the whole agent out of service, only the guest's own refusal counts.
 */

import type { EventKind } from "../event/event.ts";
import { EVENT_NAMES, eventKindOf } from "../event/event-names.ts";
import type { ConfigureOutcome } from "../event/event-sink.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Log } from "../telemetry/log.ts";
import { MAX_POOL_SIZE } from "./settings.ts";

export interface ProxyConfigTarget {
  /** Null accepts. */
  configureGuest(configJson: string): EventFailure | null;
  setFailOpen(failOpen: boolean): void;
  setPoolSize(size: number): void;
  /** What the proxy sends, by its own words. */
  setEvents(kinds: readonly EventKind[]): void;
}

export interface ProxyConfigOptions {
  readonly isIgnored: boolean;
  readonly log: Log;
}

const FAIL_OPEN = "fail-open";
const POOL_SIZE = "pool-size";
const EVENTS = "events";

export class ProxyConfig {
  readonly #target: ProxyConfigTarget;
  readonly #options: ProxyConfigOptions;
  #acceptedJson: string | null = null;

  constructor(target: ProxyConfigTarget, options: ProxyConfigOptions) {
    this.#target = target;
    this.#options = options;
  }

  apply(config: unknown): ConfigureOutcome {
    const json = toJson(config);
    if (json === null) return { accepted: false, reason: "the configuration is nested too deeply" };
    if (json === this.#acceptedJson) return { accepted: true };
    const outcome = this.#applyNew(config, json);
    // A refusal is not remembered: the guest may have failed for a moment only.
    if (outcome.accepted) this.#acceptedJson = json;
    return outcome;
  }

  #applyNew(config: unknown, json: string): ConfigureOutcome {
    const log = this.#options.log;
    if (this.#options.isIgnored) {
      log.warn("the proxy's configuration was ignored, as --ignore-proxy-config says");
      return { accepted: true };
    }
    const refusal = config === null ? null : this.#target.configureGuest(json);
    if (refusal !== null) {
      log.error("the module refused the proxy's configuration", {
        code: refusal.code,
        reason: refusal.message,
      });
      return { accepted: false, reason: refusal.message };
    }
    this.#applySettings(config);
    return { accepted: true };
  }

  #applySettings(config: unknown): void {
    if (config === null) return;
    const log = this.#options.log;
    if (typeof config !== "object" || Array.isArray(config)) {
      log.warn("the proxy's configuration is not an object; nothing of it applies to the agent");
      return;
    }
    const others: string[] = [];
    for (const [key, value] of Object.entries(config)) {
      if (key === FAIL_OPEN) this.#applyFailOpen(value);
      else if (key === POOL_SIZE) this.#applyPoolSize(value);
      else if (key === EVENTS) this.#applyEvents(value);
      else others.push(key);
    }
    log.info("the proxy's configuration was applied");
    if (others.length > 0) {
      log.warn("keys of the proxy's configuration that mean nothing to the agent were left to the module", {
        keys: others.join(", "),
      });
    }
  }

  #applyFailOpen(value: unknown): void {
    if (typeof value === "boolean") this.#target.setFailOpen(value);
    else this.#warnOfValue(FAIL_OPEN, "true or false", value);
  }

  #applyPoolSize(value: unknown): void {
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_POOL_SIZE) {
      this.#target.setPoolSize(value);
    } else {
      this.#warnOfValue(POOL_SIZE, `an integer from 1 to ${MAX_POOL_SIZE}`, value);
    }
  }

  /** One name comes as a string, several as an array. */
  #applyEvents(value: unknown): void {
    const names: readonly unknown[] = Array.isArray(value) ? value : [value];
    const kinds = names.map((name) => (typeof name === "string" ? eventKindOf(name) : null));
    if (kinds.every((kind) => kind !== null)) this.#target.setEvents(kinds);
    else this.#warnOfValue(EVENTS, `names of events: ${EVENT_NAMES}`, value);
  }

  #warnOfValue(key: string, expected: string, value: unknown): void {
    this.#options.log.warn(
      "a key of the proxy's configuration has a value that cannot be used; it was left as it is",
      {
        key,
        expected,
        received: JSON.stringify(value),
      },
    );
  }
}

/** Null for nesting that the engine reads but cannot write again. */
function toJson(config: unknown): string | null {
  try {
    return JSON.stringify(config);
  } catch {
    return null;
  }
}
