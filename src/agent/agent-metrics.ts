/** All counters of a serving process, from its start on, and the page that a scrape gets of them. */

import { basename } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import type { Log } from "../telemetry/log.ts";
import type { SavedCells } from "../telemetry/metrics/cell-block.ts";
import { METRICS } from "../telemetry/metrics/catalogue.ts";
import { LoopMetrics } from "../telemetry/metrics/loop-metrics.ts";
import { MetricsPage } from "../telemetry/metrics/metrics-page.ts";
import { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import { writeProcessMetrics } from "../telemetry/metrics/process-metrics.ts";
import { FRAME_ERROR_CODES } from "../transport/frame-error.ts";
import type { AgentFacts } from "./agent-facts.ts";
import { writeGuestMetrics } from "./guest-metrics.ts";
import type { Settings } from "./settings.ts";

const MODULE_SOURCE = "file";
const MS_PER_SECOND = 1000;

export class AgentMetrics {
  readonly loop = new LoopMetrics(FRAME_ERROR_CODES);
  readonly module = new ModuleMetrics();
  /** What the module is called in labels: its file's name without the ending. */
  readonly moduleName: string;
  readonly reloads = { success: 0, failure: 0 };
  readonly configPushes = { accepted: 0, refused: 0 };
  /** Of the decision log. */
  readonly decisions = { written: 0, dropped: 0 };
  readonly #log: Log;
  #isLastLoadGood = true;
  #isLastPushAccepted = true;

  constructor(settings: Settings, log: Log) {
    this.#log = log;
    this.moduleName = basename(settings.modulePath).replace(/\.wasm$/, "");
  }

  /** False: the last reload failed, and the module before it serves on. */
  get isLastLoadGood(): boolean {
    return this.#isLastLoadGood;
  }

  countReload(isGood: boolean): void {
    this.reloads[isGood ? "success" : "failure"]++;
    this.#isLastLoadGood = isGood;
  }

  /** True while there was none. */
  get isLastPushAccepted(): boolean {
    return this.#isLastPushAccepted;
  }

  countConfigPush(isAccepted: boolean): void {
    this.configPushes[isAccepted ? "accepted" : "refused"]++;
    this.#isLastPushAccepted = isAccepted;
  }

  /** For the process that takes over. */
  save(): SavedCells {
    return { ...this.loop.save(), ...this.module.sum().save() };
  }

  /** Goes on from what another process has counted. */
  add(saved: SavedCells): void {
    this.loop.add(saved);
    this.module.own.add(saved);
  }

  /** `facts`: null while the agent starts. */
  collect(facts: AgentFacts | null, isReady: boolean): MetricsPage {
    const page = new MetricsPage();
    const module = this.moduleName;
    page.add(METRICS.buildInfo, [manifest.version, Bun.version], 1);
    this.loop.writeTo(page);
    this.module.sum().writeTo(page, module);
    for (const [result, count] of Object.entries(this.reloads))
      page.add(METRICS.reloads, [module, result], count);
    for (const [result, count] of Object.entries(this.configPushes))
      page.add(METRICS.configPushes, [result], count);
    page.add(METRICS.lastReloadSuccessful, [module], Number(this.#isLastLoadGood));
    page.add(METRICS.ready, [], Number(isReady));
    if (facts !== null) this.#writeFacts(page, facts);
    page.add(METRICS.decisionLogLines, [], this.decisions.written);
    page.add(METRICS.decisionLogLinesDropped, [], this.decisions.dropped);
    this.#writeLog(page);
    writeProcessMetrics(page);
    return page;
  }

  #writeFacts(page: MetricsPage, facts: AgentFacts): void {
    const module = this.moduleName;
    page.add(METRICS.moduleInfo, [module, facts.sha256, MODULE_SOURCE, facts.abi], 1);
    page.add(METRICS.lastReloadSuccess, [module], facts.loadedAtMs / MS_PER_SECOND);
    page.add(METRICS.failOpen, [], Number(facts.failOpen));
    page.add(METRICS.eventsInFlight, [], facts.eventsInFlight);
    for (const [state, count] of Object.entries(facts.instances))
      page.add(METRICS.instances, [module, state], count);
    page.add(METRICS.guestMemory, [module], facts.memoryBytes);
    page.add(METRICS.guestMemoryLimit, [module], facts.memoryLimitBytes ?? Number.POSITIVE_INFINITY);
    page.add(METRICS.threads, [], facts.threads);
    writeGuestMetrics(page, module, facts.guestMetrics);
    page.add(METRICS.bufferedBytes, [], facts.bufferedBytes);
    page.add(METRICS.bufferPauses, [], facts.bufferPauses);
    page.add(METRICS.takeovers, [], facts.takeovers);
    page.add(METRICS.exchanges, [], facts.exchanges.open);
    page.add(METRICS.exchangesOpened, [], facts.exchanges.opened);
    for (const [reason, count] of Object.entries(facts.exchanges.ended)) {
      page.add(METRICS.exchangesEnded, [reason], count);
    }
  }

  #writeLog(page: MetricsPage): void {
    const { counters } = this.#log;
    if (counters === undefined) return;
    const { lines, dropped } = counters;
    for (const [level, count] of Object.entries(lines)) page.add(METRICS.logLines, [level], count);
    page.add(METRICS.logLinesDropped, [], dropped);
  }
}
