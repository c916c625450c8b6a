/**
 * All instances of a stateful module, and the choice between them. The choice is made when an exchange starts, since
 * its events belong to one instance, and a call that has changed the guest's state cannot be repeated elsewhere: it is
 * never stopped early. A call that takes long makes the module heavy for a while, and new exchanges go to threads then.
 */

import type { StatefulFactory } from "../abi/contract.ts";
import type { GuestRecipe } from "../abi/guest-recipe.ts";
import type { EventKind, ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { EndReason } from "../exchange/end-reason.ts";
import type { InstanceJob, Lease } from "../exchange/lease.ts";
import type { Grants } from "../host/grants.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import { CostJudge, HEAVY_FUEL_UNITS } from "./cost-judge.ts";
import { addStates, type InstanceStates, NO_INSTANCES } from "./instance-states.ts";
import { InlineLeases } from "./inline-leases.ts";
import type { LeaseStartMessage } from "./lease-message.ts";
import type { DispatchMode } from "./ring.ts";
import type { RingJob } from "./ring-job.ts";
import type { SlotSettings } from "./slot-settings.ts";
import { ThreadedLeases } from "./threaded-leases.ts";

export interface LeaseRingOptions {
  readonly factory: StatefulFactory;
  /** The same guest, for other threads. */
  readonly recipe: GuestRecipe;
  readonly size: number;
  readonly dispatch: DispatchMode;
  readonly settings: SlotSettings;
  readonly configJson: string | null;
  /** Of this thread; others are given their own from the same settings. */
  readonly grants: Grants;
  readonly log: Log;
  readonly metrics: ModuleMetrics;
  /** An event of an exchange that nobody keeps gets an instance for itself. False: it fails before it comes here. */
  readonly takesSingleEvents: boolean;
  /** Later events should carry the request of their exchange. Absent: the guest keeps what it needs of it. */
  wantsRequest?(): boolean;
}

/** Guests that serve one exchange at a time have an instance for each open one, up to this. */
const MAX_INSTANCES = 1024;
/**
 * For each of the pool's size, where an event can do without its exchange's instance: an exchange whose response never
 * comes must not keep an instance for a minute.
 */
const SPARE_FACTOR = 4;
const MIN_SPARE_INSTANCES = 16;

/** How long a module stays heavy after its first long call; doubled by each that follows within that time. */
const FIRST_HEAVY_MS = 2000;
const MAX_HEAVY_MS = 64_000;

export class LeaseRing {
  readonly leases: "required" | "optional";
  readonly #options: LeaseRingOptions;
  readonly #judge = new CostJudge();
  readonly #inline: InlineLeases;
  #threads: ThreadedLeases | null = null;
  #size: number;
  #configJson: string | null;
  #heavyUntilMs = 0;
  #heavyMs = FIRST_HEAVY_MS;

  /** @throws ModuleError, EventFailure when the first instance cannot be made or refuses the configuration. */
  constructor(options: LeaseRingOptions) {
    this.#options = options;
    this.leases = options.takesSingleEvents ? "optional" : "required";
    this.#size = options.size;
    this.#configJson = options.configJson;
    this.#inline = new InlineLeases({
      ...options,
      size: options.dispatch === "workers" ? 1 : options.size,
      maxInstances: this.#maxInstances,
      firstIndex: 0,
      counters: options.metrics.own,
      onCall: (fuelUnits) => this.#onInlineCall(fuelUnits),
    });
    if (options.dispatch === "workers") this.#startThreads();
  }

  get handles(): ReadonlySet<EventKind> {
    return this.#options.factory.handles;
  }

  get wantsRequest(): boolean {
    return this.#options.wantsRequest?.() ?? false;
  }

  get size(): number {
    return this.#size;
  }

  get readyThreads(): number {
    return this.#threads?.readyCount ?? 0;
  }

  get instanceStates(): InstanceStates {
    return addStates(this.#inline.instanceStates, this.#threads?.instanceStates ?? NO_INSTANCES);
  }

  /** An instance is there, or may be made at once. */
  get canServe(): boolean {
    return this.#inline.canOpen || this.#threads?.isReady === true;
  }

  /** Of the largest instance. */
  get memoryBytes(): number {
    return Math.max(this.#inline.memoryBytes, this.#options.metrics.threadMemoryBytes);
  }

  /** Resolves when the ring was closed, its exchanges have ended and its threads are gone. */
  get ended(): Promise<void> {
    return Promise.all([this.#inline.ended, this.#threads?.ended]).then(() => {});
  }

  /** Takes the first event of an exchange: the others go to its lease. */
  submit(job: RingJob): void {
    const { exchange } = job;
    if (exchange === null || exchange.isEnded) {
      this.submitSingle(job);
      return;
    }
    const lease = this.#open();
    if (lease instanceof EventFailure) {
      job.fail(lease);
      return;
    }
    exchange.lease = this.#options.takesSingleEvents ? new RenewableLease(lease, this) : lease;
    lease.submit(job);
  }

  /** Takes an event that has no exchange, or whose exchange has no instance any more. */
  submitSingle(job: InstanceJob): void {
    const lease = this.#open();
    if (lease instanceof EventFailure) job.fail(lease);
    else lease.submit(new SingleEvent(job, lease));
  }

  resize(size: number): void {
    this.#size = size;
    if (this.#options.dispatch !== "workers") this.#inline.resize(size);
    this.#threads?.resize(size);
  }

  /** Null accepts; a refusal changes nothing. Open exchanges end under the configuration they began with. */
  configure(configJson: string): EventFailure | null {
    const failure = this.#inline.configure(configJson);
    if (failure !== null) return failure;
    this.#configJson = configJson;
    this.#threads?.configure(configJson);
    return null;
  }

  /** No new exchanges; the open ones go on to their end. */
  close(): void {
    this.#inline.close();
    this.#threads?.close();
  }

  #open(): Lease | EventFailure {
    const threads = this.#threads;
    if (threads?.isReady === true && this.#prefersThreads()) {
      const lease = threads.open();
      if (!(lease instanceof EventFailure)) return lease;
    }
    return this.#inline.open();
  }

  #prefersThreads(): boolean {
    return (
      this.#options.dispatch === "workers" || this.#judge.isSlow || performance.now() < this.#heavyUntilMs
    );
  }

  #onInlineCall(fuelUnits: number | null): void {
    if (fuelUnits === null || !this.#canUseThreads) return;
    if (fuelUnits < HEAVY_FUEL_UNITS) {
      if (this.#judge.wantsSample()) this.#judge.recordCost(fuelUnits);
      return;
    }
    this.#judge.recordCost(fuelUnits);
    const nowMs = performance.now();
    this.#heavyMs =
      nowMs < this.#heavyUntilMs + this.#heavyMs ? Math.min(MAX_HEAVY_MS, this.#heavyMs * 2) : FIRST_HEAVY_MS;
    this.#heavyUntilMs = nowMs + this.#heavyMs;
    this.#options.metrics.own.countOverrun();
    this.#startThreads();
  }

  get #maxInstances(): number {
    const { takesSingleEvents, size } = this.#options;
    return takesSingleEvents ? Math.max(MIN_SPARE_INSTANCES, SPARE_FACTOR * size) : MAX_INSTANCES;
  }

  /** Left to itself, a pool of one is inline only: least memory, strictly one call after the other. */
  get #canUseThreads(): boolean {
    const { dispatch, recipe } = this.#options;
    return recipe.limits !== null && (dispatch === "workers" || (dispatch === "auto" && this.#size > 1));
  }

  #startThreads(): void {
    const { settings, log } = this.#options;
    this.#threads ??= new ThreadedLeases({
      size: this.#size,
      startMessage: (slot) => this.#startMessage(slot),
      timeoutMs: settings.timeoutMs,
      onCost: (fuelUnits) => this.#judge.recordCost(fuelUnits),
      log,
      metrics: this.#options.metrics,
    });
  }

  #startMessage(slot: number): LeaseStartMessage {
    const { recipe, settings, grants, log } = this.#options;
    const { reportedFunctions: _ownThreadOnly, ...workerSettings } = settings;
    return {
      type: "start",
      slot,
      recipe,
      settings: workerSettings,
      size: 1,
      maxInstances: this.#maxInstances,
      configJson: this.#configJson,
      grants: grants.settings,
      debugEnabled: log.debugEnabled,
    };
  }
}

/** For guests without state: an event whose instance is gone gets another one. */
class RenewableLease implements Lease {
  readonly #lease: Lease;
  readonly #ring: LeaseRing;

  constructor(lease: Lease, ring: LeaseRing) {
    this.#lease = lease;
    this.#ring = ring;
  }

  get isOver(): boolean {
    return this.#lease.isOver;
  }

  submit(job: InstanceJob): void {
    if (this.#lease.isOver) this.#ring.submitSingle(job);
    else this.#lease.submit(job);
  }

  end(reason: EndReason): void {
    this.#lease.end(reason);
  }
}

/** An event without an exchange: its lease ends with it. */
class SingleEvent implements InstanceJob {
  readonly #job: InstanceJob;
  readonly #lease: Lease;

  constructor(job: InstanceJob, lease: Lease) {
    this.#job = job;
    this.#lease = lease;
  }

  get event(): ProxyEvent {
    return this.#job.event;
  }

  get isCancelled(): boolean {
    return this.#job.isCancelled;
  }

  succeed(verdict: Verdict): void {
    this.#job.succeed(verdict);
    this.#lease.end("finished");
  }

  fail(failure: EventFailure): void {
    this.#job.fail(failure);
    this.#lease.end("finished");
  }
}
