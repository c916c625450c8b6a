/** A serving process as its administrator sees it, from before its module is loaded until it has stopped. */

import manifest from "../../package.json" with { type: "json" };
import { EventTranscoder } from "../abi/json/transcoder/event-transcoder.ts";
import type { EventObservers } from "../event/observer.ts";
import type {
  AdminLogLevel,
  AdminTarget,
  HealthCheck,
  ReloadResult,
} from "../telemetry/admin/admin-target.ts";
import { takeCpuProfile } from "../telemetry/cpu-profile.ts";
import { EventTail, type TailFilter, type WriteLine } from "../telemetry/event-tail.ts";
import type { AdjustableLog } from "../telemetry/log.ts";
import type { MetricsPage } from "../telemetry/metrics/metrics-page.ts";
import type { Agent } from "./agent.ts";
import type { AgentMetrics } from "./agent-metrics.ts";
import { type AgentPhase, readinessChecks } from "./health.ts";
import type { ReloadTriggers } from "./reload-triggers.ts";
import type { Settings } from "./settings.ts";
import { describeStatus } from "./status.ts";

/** What calls the transcoder, which is WebAssembly of the agent's own. */
const OWN_CALLERS: ReadonlySet<string> = new Set([EventTranscoder.prototype.read.name]);

export interface AgentAdminOptions {
  readonly settings: Settings;
  readonly log: AdjustableLog;
  readonly metrics: AgentMetrics;
  readonly observers: EventObservers;
  readonly reloads: ReloadTriggers;
}

export class AgentAdmin implements AdminTarget {
  readonly #options: AgentAdminOptions;
  #phase: AgentPhase = "starting";
  #agent: Agent | null = null;
  #isProfiling = false;

  constructor(options: AgentAdminOptions) {
    this.#options = options;
  }

  serve(agent: Agent): void {
    this.#agent = agent;
    this.#phase = "serving";
  }

  drain(): void {
    this.#phase = "draining";
  }

  collectMetrics(): MetricsPage {
    const facts = this.#agent?.facts() ?? null;
    const isReady = readinessChecks(this.#phase, facts).every(({ isGood }) => isGood);
    return this.#options.metrics.collect(facts, isReady);
  }

  readinessChecks(): readonly HealthCheck[] {
    return readinessChecks(this.#phase, this.#agent?.facts() ?? null);
  }

  status(): object {
    const { settings, metrics } = this.#options;
    return describeStatus({
      version: manifest.version,
      settings,
      metrics,
      phase: this.#phase,
      facts: this.#agent?.facts() ?? null,
      logLevel: this.logLevel,
    });
  }

  reload(): Promise<ReloadResult> | null {
    return this.#phase === "serving" ? this.#options.reloads.request("the admin endpoint") : null;
  }

  get logLevel(): AdminLogLevel {
    return this.#options.log.debugEnabled ? "debug" : "info";
  }

  set logLevel(level: AdminLogLevel) {
    const { log } = this.#options;
    log.debugEnabled = level === "debug";
    log.info("the log level was changed", { log_level: level });
  }

  profile(seconds: number): Promise<string> | null {
    if (this.#isProfiling) return null;
    this.#isProfiling = true;
    this.#options.log.info("taking a CPU profile", { seconds });
    return takeCpuProfile(seconds, {
      moduleName: this.#options.metrics.moduleName,
      functionName: (index) => this.#agent?.functionName(index),
      ownCallers: OWN_CALLERS,
    }).finally(() => {
      this.#isProfiling = false;
    });
  }

  tail(filter: TailFilter, write: WriteLine): () => void {
    const tail = new EventTail(this.#options.observers, filter, write);
    return () => tail.close();
  }
}
