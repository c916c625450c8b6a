/**
 * A developer's session: builds the project, loads what came out, and swaps it into a serving agent; again whenever
 * sources or the module change. What is good stays until something better is there. How it looks is left to listeners.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Agent } from "../../agent/agent.ts";
import { AgentMetrics } from "../../agent/agent-metrics.ts";
import type { Settings } from "../../agent/settings.ts";
import { EventObservers } from "../../event/observer.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { readModuleFile } from "../../wasm/load-module.ts";
import { DevLog, type Notice } from "./dev-log.ts";
import { type DevProject, findModule } from "./dev-project.ts";
import { EventHistory, type EventRecord } from "./event-history.ts";
import type { ModuleFacts, Problem, SessionStatus } from "./page-messages.ts";
import { type BuildOutcome, ProjectBuild } from "./project-build.ts";
import { SourceWatch } from "./source-watch.ts";
import { Traffic } from "./traffic.ts";
import { TrialGuest } from "./trial-guest.ts";

/** Somebody who shows the session: the terminal, the playground. Called at once, so it should return quickly. */
export interface SessionListener {
  onStatus(status: SessionStatus, reason: string): void;
  onEvent(record: EventRecord): void;
  onNotice(notice: Notice): void;
}

export interface DevSessionOptions {
  readonly project: DevProject;
  /** The agent's; its module path is the session's to choose. */
  readonly settings: Settings;
  /** Another agent took the socket over. */
  readonly onNameLost: () => void;
}

export class DevSession {
  readonly traffic = new Traffic();
  readonly history: EventHistory;
  readonly #options: DevSessionOptions;
  readonly #listeners: SessionListener[] = [];
  readonly #log: DevLog;
  readonly #build: ProjectBuild | null;
  /** What is served is a copy, so that a module half written by a compiler is never read. */
  readonly #stage: string;
  readonly #settings: Settings;
  #watch: SourceWatch | null = null;
  #agent: Agent | null = null;
  #trial: TrialGuest | null = null;
  #status: SessionStatus;
  #wanted: { readonly reason: string; readonly builds: boolean } | null = null;
  #current: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: DevSessionOptions) {
    const { project, settings } = options;
    this.#options = options;
    this.#log = new DevLog((notice) => this.#onNotice(notice));
    this.#build = project.recipe === null ? null : new ProjectBuild(project.folder, project.recipe);
    this.#stage = mkdtempSync(join(tmpdir(), "sentinel-wasm-dev-"));
    this.#settings = { ...settings, modulePath: join(this.#stage, "module.wasm") };
    this.#status = {
      phase: project.recipe === null ? "loading" : "building",
      project: project.name,
      socketPath: settings.socketPath,
      failsOpen: settings.failOpen,
      buildCommand: project.recipe?.command ?? null,
      buildMs: null,
      module: null,
      problem: null,
    };
    this.history = new EventHistory({
      takeLog: () => this.#log.takeLines(),
      sha256: () => this.#status.module?.sha256 ?? "",
      onRecord: (record) => this.#onRecord(record),
    });
  }

  get status(): SessionStatus {
    return this.#status;
  }

  get watchedFileCount(): number {
    return this.#watch?.fileCount ?? 0;
  }

  /** Null until a first module could be loaded. */
  get trial(): TrialGuest | null {
    return this.#trial;
  }

  listen(listener: SessionListener): void {
    this.#listeners.push(listener);
  }

  /**
   * The first build and load, and from then on watching. A module that cannot be built or loaded is a problem to show,
   * not a reason to end.
   *
   * @throws SocketError when the socket cannot be opened.
   */
  async start(): Promise<void> {
    const { project } = this.#options;
    this.#watch = new SourceWatch({
      folder: project.recipe === null ? null : project.folder,
      files: () => [project.modulePath],
      onChange: (changed) => this.#onChange(changed),
    });
    await this.request("start", true);
  }

  /**
   * Builds, if asked to and if there is a way, and loads the module. What is asked for while this is in progress becomes
   * one further round. @throws SocketError as `start` does.
   */
  request(reason: string, builds: boolean): Promise<void> {
    this.#wanted = { reason, builds: builds || (this.#wanted?.builds ?? false) };
    this.#current ??= this.#run().finally(() => {
      this.#current = null;
    });
    return this.#current;
  }

  /** Ends everything, a running build included. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wanted = null;
    this.#watch?.close();
    this.#build?.close();
    // Whoever asked for that round has heard of its error.
    await this.#current?.catch(() => {});
    await this.#agent?.stop();
    rmSync(this.#stage, { recursive: true, force: true });
  }

  #onChange(changed: readonly string[]): void {
    const { project } = this.#options;
    const shown = project.recipe === null ? project.modulePath : relative(project.folder, project.modulePath);
    const sources = changed.filter((path) => path !== shown && path !== project.modulePath);
    const [first = shown, ...others] = sources;
    const reason = others.length === 0 ? `${first} changed` : `${first} and ${others.length} more changed`;
    this.request(reason, sources.length > 0).catch((error: unknown) => {
      this.#onNotice({
        level: "error",
        message: error instanceof Error ? error.message : String(error),
        fields: {},
      });
    });
  }

  async #run(): Promise<void> {
    for (let next = this.#wanted; next !== null && !this.#isClosed; next = this.#wanted) {
      this.#wanted = null;
      await this.#round(next.reason, next.builds);
    }
  }

  async #round(reason: string, builds: boolean): Promise<void> {
    let failedBuild: Problem | null = null;
    if (builds && this.#build !== null) {
      const { preparation } = this.#build;
      this.#setStatus({ phase: "building" }, preparation === null ? reason : `${preparation} comes first`);
      const outcome = await this.#build.run();
      if (this.#isClosed) return;
      if (outcome.isGood) this.#status = { ...this.#status, buildMs: outcome.ms };
      else failedBuild = buildProblem(outcome);
    }
    // A module of an earlier build is better than none.
    if (failedBuild === null || this.#agent === null)
      await this.#load(reason, failedBuild, builds && this.#build !== null);
    else this.#setStatus({ phase: "failed", problem: failedBuild }, reason);
  }

  /** @throws SocketError */
  async #load(reason: string, failedBuild: Problem | null, hasBuilt: boolean): Promise<void> {
    const problem = this.#status.problem;
    this.#status = { ...this.#status, phase: "loading" };
    try {
      const path = findModule(this.#options.project) ?? this.#options.project.modulePath;
      const bytes = await readModuleFile(path);
      const isNew =
        new Bun.CryptoHasher("sha256").update(bytes).digest("hex") !== this.#status.module?.sha256;
      if (isNew) await this.#swapIn(bytes, relative(this.#options.project.folder, path));
      // A look at the module alone cannot tell that its sources can be built again.
      const rest = failedBuild ?? (!isNew && !hasBuilt && problem?.stage === "build" ? problem : null);
      this.#setStatus({ phase: rest === null ? "serving" : "failed", problem: rest }, reason);
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      this.#setStatus({ phase: "failed", problem: failedBuild ?? loadProblem(error) }, reason);
    }
  }

  /** @throws ModuleError when the module cannot be used; the one before serves on then. SocketError at the first one. */
  async #swapIn(bytes: Uint8Array<ArrayBuffer>, file: string): Promise<void> {
    const trial = await TrialGuest.open(bytes, this.#settings);
    await Bun.write(this.#settings.modulePath, bytes);
    if (this.#agent === null) this.#agent = await this.#startAgent();
    else await this.#agent.reload();
    this.#trial = trial;
    this.#status = { ...this.#status, module: moduleFacts(trial, file) };
  }

  #startAgent(): Promise<Agent> {
    return Agent.start({
      settings: this.#settings,
      log: this.#log,
      metrics: new AgentMetrics(this.#settings, this.#log),
      inheritedFd: null,
      observers: new EventObservers([this.history]),
      onSuperseded: this.#options.onNameLost,
    });
  }

  #setStatus(change: Partial<SessionStatus>, reason: string): void {
    this.#status = { ...this.#status, ...change };
    for (const listener of this.#listeners) listener.onStatus(this.#status, reason);
  }

  #onRecord(record: EventRecord): void {
    const { row } = record;
    this.traffic.add(row.failureCode === null ? row.decision : "failed", row.us);
    for (const listener of this.#listeners) listener.onEvent(record);
  }

  #onNotice(notice: Notice): void {
    for (const listener of this.#listeners) listener.onNotice(notice);
  }
}

function moduleFacts(trial: TrialGuest, file: string): ModuleFacts {
  return {
    file,
    sha256: trial.sha256,
    sizeBytes: trial.sizeBytes,
    handles: [...trial.handles],
    loadedAtMs: Date.now(),
  };
}

function buildProblem(outcome: BuildOutcome): Problem {
  return { stage: "build", title: outcome.ending, text: outcome.output || "It wrote nothing." };
}

function loadProblem(error: ModuleError): Problem {
  return { stage: "load", title: "The module cannot be used", text: `${error.message} (${error.code})` };
}
