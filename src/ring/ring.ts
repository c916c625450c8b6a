/**
 * All slots of one module, and the choice between them (docs/design.md 4.3).
 *
 * Cheap guests run inline, on the thread that read their event. A module whose calls turn out heavy moves to worker
 * threads, which are started when they are first needed; a single heavy call on the inline slot is stopped after a
 * budget of a few milliseconds and repeated on a worker, so that it cannot hold up other connections.
 */

import type { StatelessFactory } from "../abi/contract.ts";
import type { GuestRecipe } from "../abi/guest-recipe.ts";
import type { EventKind } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { ReadClock } from "../telemetry/metrics/read-clock.ts";
import { type CallListener, CallMeter, type MeasuredCall } from "./call-meter.ts";
import { CostJudge } from "./cost-judge.ts";
import { addStates, type InstanceStates, NO_INSTANCES } from "./instance-states.ts";
import { InlineRing } from "./inline-ring.ts";
import { OverrunJob } from "./overrun-job.ts";
import { type RingJob, settle } from "./ring-job.ts";
import type { SlotSettings } from "./slot-settings.ts";
import { WorkerRing } from "./worker-ring.ts";
import type { StartMessage } from "./worker-slot.ts";

/** `auto` measures, the others pin one kind of slot. */
export type DispatchMode = "auto" | "inline" | "workers";

export interface RingOptions {
  readonly factory: StatelessFactory;
  /** The same guest, for other threads. */
  readonly recipe: GuestRecipe;
  readonly size: number;
  readonly dispatch: DispatchMode;
  readonly settings: SlotSettings;
  /** What the proxy has configured so far; null for nothing. */
  readonly configJson: string | null;
  readonly log: Log;
  readonly metrics: ModuleMetrics;
  readonly clock: ReadClock;
  /** Events are being answered while this ring is made. */
  readonly isServing?: boolean;
}

/** The longest a guest may hold the socket's thread while there are workers to take over. */
const INLINE_BUDGET_MS = 2;
/** A cheap call that the system pauses is no overrun, up to this. */
const INLINE_GRACE_MS = 10;

export class Ring {
  readonly leases = "none";
  readonly #options: RingOptions;
  readonly #inline: InlineRing;
  readonly #judge = new CostJudge();
  readonly #wantsRequest: boolean;
  #workers: WorkerRing | null = null;
  #size: number;
  #configJson: string | null;
  #isClosed = false;
  readonly #ended = Promise.withResolvers<void>();
  readonly #meter: CallMeter;
  /** The call that is judged is one of those that are metered as well. */
  #isMetered = false;
  readonly #judging: CallListener = { onCall: (call) => this.#judgeCall(call) };

  /**
   * Makes the first inline instance, and perhaps more: see `InlineRing`.
   *
   * @throws ModuleError when it cannot be made, EventFailure when it refuses the configuration.
   */
  constructor(options: RingOptions) {
    this.#options = options;
    this.#size = options.size;
    this.#configJson = options.configJson;
    const counters = options.metrics.own;
    this.#meter = new CallMeter(counters);
    this.#inline = new InlineRing({ ...options, size: this.#inlineSize, firstIndex: 0, counters });
    this.#wantsRequest = this.#inline.wantsRequest;
    if (options.dispatch === "workers") this.#startWorkers();
  }

  get handles(): ReadonlySet<EventKind> {
    return this.#options.factory.handles;
  }

  get wantsRequest(): boolean {
    return this.#wantsRequest;
  }

  get size(): number {
    return this.#size;
  }

  /** Worker threads that have started and are healthy. */
  get readyThreads(): number {
    return this.#workers?.readyCount ?? 0;
  }

  get idleCount(): number {
    return this.#inline.idleCount;
  }

  get instanceStates(): InstanceStates {
    return addStates(this.#inline.instanceStates, this.#workers?.instanceStates ?? NO_INSTANCES);
  }

  /** An instance is there, or may be made at once. */
  get canServe(): boolean {
    return this.#inline.canCall || this.#workers?.isReady === true;
  }

  /** Of the largest instance. */
  get memoryBytes(): number {
    return Math.max(this.#inline.memoryBytes, this.#options.metrics.threadMemoryBytes);
  }

  /** Settles the job before it returns when it runs inline, and some time later otherwise. */
  submit(job: RingJob): void {
    const workers = this.#workers;
    if (workers?.isReady && this.#prefersWorkers(workers)) {
      workers.submit(job, this.#deadlineFromNow());
      return;
    }
    this.#runInline(job);
  }

  resize(size: number): void {
    this.#size = size;
    this.#inline.resize(this.#inlineSize);
    this.#workers?.resize(size);
  }

  /** Null accepts; a refusal changes nothing. */
  configure(configJson: string): EventFailure | null {
    const failure = this.#inline.configure(configJson);
    if (failure !== null) return failure;
    this.#configJson = configJson;
    this.#workers?.configure(configJson);
    return null;
  }

  /** Jobs that run in other threads are finished first; they settle as they would have. */
  close(): void {
    this.#isClosed = true;
    this.#inline.close();
    this.#closeWorkersWhenQuiet();
  }

  /** Resolves when the ring was closed and the threads it had are gone, some time later. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** With all work in threads, one instance is enough for what comes before they run. */
  get #inlineSize(): number {
    return this.#options.dispatch === "workers" ? 1 : this.#size;
  }

  /** A module with few heavy calls does not wait for them: while they keep all threads busy, the others run inline. */
  #prefersWorkers(workers: WorkerRing): boolean {
    if (this.#options.dispatch === "workers" || this.#judge.isSlow || !this.#inline.canCall) return true;
    return workers.hasIdle && this.#judge.isHeavy(performance.now());
  }

  #runInline(job: RingJob): void {
    const workers = this.#workers;
    if (workers?.isStarting && !this.#inline.canCall) {
      workers.submit(job, this.#deadlineFromNow());
      return;
    }
    const hasBudget = this.#canUseWorkers();
    const { timeoutMs } = this.#options.settings;
    const allowedMs = hasBudget ? Math.min(INLINE_BUDGET_MS, timeoutMs) : timeoutMs;
    this.#isMetered = this.#meter.wantsCall();
    const isJudged = hasBudget && this.#judge.wantsSample();
    const listener = isJudged ? this.#judging : this.#isMetered ? this.#meter : null;
    const isBrief = allowedMs < timeoutMs;
    const outcome = this.#inline.call(
      job.event,
      allowedMs,
      isBrief ? Math.min(INLINE_GRACE_MS, timeoutMs) : 0,
      listener,
    );
    if (isBrief && outcome instanceof EventFailure && outcome.code === "guest-deadline") {
      this.#moveToWorker(job, outcome);
      return;
    }
    if (isBrief || listener !== null) job.endedAtMs = this.#options.clock.latestMs;
    settle(job, outcome);
  }

  #judgeCall(call: MeasuredCall): void {
    if (this.#isMetered) this.#meter.onCall(call);
    if (call.fuelUnits === null) return;
    this.#judge.recordCost(call.fuelUnits);
    if (this.#judge.isSlow) this.#startWorkers();
  }

  /** Left to itself, a pool of one is inline only: least memory, strictly one call after the other. */
  #canUseWorkers(): boolean {
    const { dispatch, recipe } = this.#options;
    return recipe.limits !== null && (dispatch === "workers" || (dispatch === "auto" && this.#size > 1));
  }

  /** The event's time goes on from where it was: what it took here, and what the start of a thread takes, counts. */
  #moveToWorker(job: RingJob, overrun: EventFailure): void {
    const nowMs = performance.now();
    this.#judge.recordOverrun(nowMs);
    this.#options.metrics.own.countOverrun();
    const leftMs = this.#options.settings.timeoutMs - overrun.elapsedMs;
    // Also with nothing left: the next event of this kind will find threads.
    this.#startWorkers().submit(new OverrunJob(job, overrun), nowMs + leftMs);
  }

  /** Of an event that has just arrived. */
  #deadlineFromNow(): number {
    return performance.now() + this.#options.settings.timeoutMs;
  }

  #startWorkers(): WorkerRing {
    this.#workers ??= new WorkerRing({
      size: this.#size,
      startMessage: (slot) => this.#startMessage(slot),
      timeoutMs: this.#options.settings.timeoutMs,
      onCost: (fuelUnits) => this.#judge.recordCost(fuelUnits),
      log: this.#options.log,
      metrics: this.#options.metrics,
    });
    return this.#workers;
  }

  #startMessage(slot: number): StartMessage {
    const { recipe, settings, log } = this.#options;
    const { reportedFunctions: _ownThreadOnly, ...workerSettings } = settings;
    return {
      type: "start",
      slot,
      recipe,
      settings: workerSettings,
      configJson: this.#configJson,
      debugEnabled: log.debugEnabled,
    };
  }

  #closeWorkersWhenQuiet(): void {
    const workers = this.#workers;
    if (!this.#isClosed) return;
    if (workers === null) {
      this.#ended.resolve();
    } else if (workers.isQuiet) {
      workers.close();
      void workers.ended.then(() => this.#ended.resolve());
    } else setTimeout(() => this.#closeWorkersWhenQuiet(), 10);
  }
}
