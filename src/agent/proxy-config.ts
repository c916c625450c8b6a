/**
 * What a proxy pushes at run time (docs/agent-protocol.md 13): `fail-open`, `pool-size` and `events` are applied, the
 * whole block goes to the guest, every other key is only named in a warning. It arrives once per connection, so the same
 * content again changes nothing; and since a refusal takes the whole agent out of service, only the guest's own refusal
 * counts. What else could not be applied is reported beside the acceptance.
 */

import type { EventKind } from "../event/event.ts";
import { EVENT_NAMES, eventKindOf } from "../event/event-names.ts";
import type { ConfigProblem, ConfigureOutcome } from "../event/event-sink.ts";
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

/** A key that means something to the agent itself. */
interface AgentKey {
  readonly expected: string;
  /** False: the value cannot be used, and nothing was changed. */
  apply(value: unknown, target: ProxyConfigTarget): boolean;
}

const AGENT_KEYS: ReadonlyMap<string, AgentKey> = new Map<string, AgentKey>([
  [
    "fail-open",
    {
      expected: "true or false",
      apply: (value, target) => {
        if (typeof value !== "boolean") return false;
        target.setFailOpen(value);
        return true;
      },
    },
  ],
  [
    "pool-size",
    {
      expected: `an integer from 1 to ${MAX_POOL_SIZE}`,
      apply: (value, target) => {
        if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > MAX_POOL_SIZE)
          return false;
        target.setPoolSize(value as number);
        return true;
      },
    },
  ],
  [
    "events",
    {
      expected: `names of events: ${EVENT_NAMES}`,
      // One name comes as a string, several as an array.
      apply: (value, target) => {
        const names: readonly unknown[] = Array.isArray(value) ? value : [value];
        const kinds = names.map((name) => (typeof name === "string" ? eventKindOf(name) : null));
        if (!kinds.every((kind) => kind !== null)) return false;
        target.setEvents(kinds);
        return true;
      },
    },
  ],
]);

const ACCEPTED: ConfigureOutcome = { accepted: true };

export class ProxyConfig {
  readonly #target: ProxyConfigTarget;
  readonly #options: ProxyConfigOptions;
  #acceptedJson: string | null = null;
  /** What came of that. */
  #accepted: ConfigureOutcome = ACCEPTED;

  constructor(target: ProxyConfigTarget, options: ProxyConfigOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** The last block that was accepted, as JSON; null when there was none. */
  get acceptedJson(): string | null {
    return this.#acceptedJson;
  }

  apply(config: unknown): ConfigureOutcome {
    const json = toJson(config);
    if (json === null) return { accepted: false, reason: "the configuration is nested too deeply" };
    if (json === this.#acceptedJson) return this.#accepted;
    const outcome = this.#applyNew(config, json);
    // A refusal is not remembered: the guest may have failed for a moment only.
    if (outcome.accepted) {
      this.#acceptedJson = json;
      this.#accepted = outcome;
    }
    return outcome;
  }

  #applyNew(config: unknown, json: string): ConfigureOutcome {
    const log = this.#options.log;
    if (this.#options.isIgnored) {
      log.warn("the proxy's configuration was ignored, as --ignore-proxy-config says");
      return ACCEPTED;
    }
    const refusal = config === null ? null : this.#target.configureGuest(json);
    if (refusal !== null) {
      log.error("the module refused the proxy's configuration", {
        code: refusal.code,
        reason: refusal.message,
      });
      return { accepted: false, reason: refusal.message };
    }
    const problems = this.#applySettings(config);
    return problems.length === 0 ? ACCEPTED : { accepted: true, problem: summary(problems) };
  }

  /** Returns what could not be applied. */
  #applySettings(config: unknown): readonly ConfigProblem[] {
    if (config === null) return [];
    const log = this.#options.log;
    if (typeof config !== "object" || Array.isArray(config)) {
      const error = "the proxy's configuration is not an object; nothing of it applies to the agent";
      log.warn(error);
      return [{ error, field: null }];
    }
    const others: string[] = [];
    const problems: ConfigProblem[] = [];
    for (const [name, value] of Object.entries(config)) {
      const key = AGENT_KEYS.get(name);
      if (key === undefined) others.push(name);
      else if (!key.apply(value, this.#target))
        problems.push(this.#reportUnusable(name, key.expected, value));
    }
    log.info("the proxy's configuration was applied");
    if (others.length > 0) {
      log.warn("keys of the proxy's configuration that mean nothing to the agent were left to the module", {
        keys: others.join(", "),
      });
    }
    return problems;
  }

  #reportUnusable(key: string, expected: string, value: unknown): ConfigProblem {
    const received = JSON.stringify(value);
    this.#options.log.warn(
      "a key of the proxy's configuration has a value that cannot be used; it was left as it is",
      { key, expected, received },
    );
    return { error: `${key} must be ${expected}, got ${received}; it was left as it is`, field: key };
  }
}

/** One for all. */
function summary(problems: readonly ConfigProblem[]): ConfigProblem {
  const [first] = problems;
  return {
    error: problems.map(({ error }) => error).join("; "),
    field: problems.length === 1 && first !== undefined ? first.field : null,
  };
}

/** Null for nesting that the engine reads but cannot write again. */
function toJson(config: unknown): string | null {
  try {
    return JSON.stringify(config);
  } catch {
    return null;
  }
}
