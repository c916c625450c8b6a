/**
 * The instances of a stateful guest on this thread.
 *
 * A guest that serves many exchanges at a time runs in one instance, with a spare one for when it breaks. A guest that
 * serves one at a time gets an instance for each open exchange: some are kept ready, more are made on demand.
 */

import type { StatefulFactory } from "../abi/contract.ts";
import { EventFailure } from "../event/failure.ts";
import type { Lease } from "../exchange/lease.ts";
import type { Grants } from "../host/grants.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleCounters, ReplacementReason } from "../telemetry/metrics/module-metrics.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import { CallMeter } from "./call-meter.ts";
import type { InstanceStates } from "./instance-states.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import { LeasedInstance } from "./leased-instance.ts";
import { noInstance } from "./no-instance.ts";
import { RefillBudget } from "./refill-budget.ts";
import type { SlotSettings } from "./slot-settings.ts";

export interface InlineLeasesOptions {
  readonly factory: StatefulFactory;
  readonly size: number;
  /** Beyond it, the exchange that has waited longest for an event ends. */
  readonly maxInstances: number;
  /** Number of the first instance, as log lines name it. */
  readonly firstIndex: number;
  readonly settings: SlotSettings;
  readonly configJson: string | null;
  readonly grants: Grants;
  readonly log: Log;
  readonly counters: ModuleCounters;
  /** Fuel that a call used; null without limits. */
  onCall(fuelUnits: number | null): void;
}

/** A guest that serves many exchanges needs no more than one instance and its spare on a thread. */
const MAX_SHARED_INSTANCES = 2;
const REFILL_PAUSE_MS = 20;

export class InlineLeases implements LeaseHolder {
  readonly #options: InlineLeasesOptions;
  readonly #budget = new RefillBudget(performance.now());
  readonly #lineRate: LineRate;
  readonly #meter: CallMeter;
  /** All that are not closed, retired ones too, in order of their making. */
  readonly #instances = new Set<LeasedInstance>();
  /** Those of a guest that serves one exchange at a time, while they serve none. */
  readonly #free: LeasedInstance[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #size: number;
  #configJson: string | null;
  #nextIndex: number;
  #refill: ReturnType<typeof setTimeout> | null = null;
  /** Instances that were lost and have not been replaced. */
  #lost = 0;
  #isClosed = false;

  /** Makes the first instance. @throws ModuleError, EventFailure as the factory and its guest do. */
  constructor(options: InlineLeasesOptions) {
    this.#options = options;
    this.#lineRate = new LineRate({ linesPerSecond: options.settings.guestLogRate });
    this.#meter = new CallMeter(options.counters);
    this.#size = options.size;
    this.#configJson = options.configJson;
    this.#nextIndex = options.firstIndex;
    const startedAtMs = performance.now();
    this.#keep(this.#make());
    this.#budget.recordWanted(performance.now() - startedAtMs);
    this.#refillLater();
  }

  get instanceCount(): number {
    return this.#instances.size;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get instanceStates(): InstanceStates {
    let idle = 0;
    let busy = 0;
    for (const { leaseCount } of this.#instances) {
      if (leaseCount > 0) busy++;
      else idle++;
    }
    return { idle, busy, empty: Math.max(0, this.#missing) };
  }

  /** False while no instance takes another exchange and none may be made yet. */
  get canOpen(): boolean {
    if (this.#free.length > 0 || this.#budget.remainingMs(performance.now()) === 0) return true;
    return !this.#isExclusive && [...this.#instances].some(({ isRetired }) => !isRetired);
  }

  /** Of the largest instance. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const instance of this.#instances) bytes = Math.max(bytes, instance.memoryBytes);
    return bytes;
  }

  open(): Lease | EventFailure {
    const instance = this.#isExclusive ? this.#takeExclusive() : this.#takeShared();
    return instance instanceof EventFailure ? instance : instance.open();
  }

  configure(configJson: string): EventFailure | null {
    const before = this.#configJson;
    this.#configJson = configJson;
    let fresh: LeasedInstance;
    try {
      fresh = this.#make();
    } catch (cause) {
      this.#configJson = before;
      if (cause instanceof EventFailure) return cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      return new EventFailure("guest-no-instance", `no instance could be made to try it: ${reason}`, {
        cause,
      });
    }
    // Open exchanges end under the configuration that they began with.
    this.#free.length = 0;
    for (const instance of [...this.#instances]) {
      if (!instance.isRetired) this.#options.counters.countReplacement("configuration");
      instance.retire();
    }
    this.#keep(fresh);
    this.#refillLater();
    return null;
  }

  resize(size: number): void {
    this.#size = size;
    this.#refillLater();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#refill !== null) clearTimeout(this.#refill);
    this.#free.length = 0;
    for (const instance of [...this.#instances]) instance.retire();
    this.#endIfEmpty();
  }

  get #isExclusive(): boolean {
    return !this.#options.factory.sharesInstance;
  }

  #takeShared(): LeasedInstance | EventFailure {
    for (const instance of [...this.#instances]) {
      if (instance.isRetired) continue;
      const reason = this.#replacementReason(instance);
      if (reason === null) return instance;
      this.#options.counters.countReplacement(reason);
      instance.retire();
      this.#refillLater();
    }
    return this.#makeNow();
  }

  #takeExclusive(): LeasedInstance | EventFailure {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (!free.isLost) return free;
    }
    if (this.#instances.size >= this.#options.maxInstances) this.#evictOldest();
    return this.#free.pop() ?? this.#makeNow();
  }

  #evictOldest(): void {
    for (const instance of this.#instances) {
      if (instance.evictOldest()) return;
    }
  }

  /** Only while the budget allows it. */
  #makeNow(): LeasedInstance | EventFailure {
    const nowMs = performance.now();
    if (this.#budget.remainingMs(nowMs) > 0) return noInstance();
    try {
      const instance = this.#make();
      instance.awaitedMs = this.#account(nowMs);
      this.#instances.add(instance);
      return instance;
    } catch (cause) {
      return this.#onFailedStart(cause, nowMs);
    }
  }

  #onFailedStart(cause: unknown, startedAtMs: number): EventFailure {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#options.log.error("a fresh instance could not be made", { reason });
    const nowMs = performance.now();
    this.#budget.recordFailedStart(nowMs - startedAtMs, nowMs);
    this.#refillLater();
    return new EventFailure("guest-no-instance", `a fresh instance could not be made: ${reason}`, { cause });
  }

  /** @throws ModuleError, EventFailure */
  #make(): LeasedInstance {
    const { factory, settings, grants, log } = this.#options;
    const index = this.#nextIndex++;
    let made: LeasedInstance | null = null;
    const guest = factory.instantiate({
      slot: index,
      log,
      startTimeoutMs: settings.startTimeoutMs,
      isMuted: false,
      lineRate: this.#lineRate,
      reportedFunctions: settings.reportedFunctions,
      configJson: this.#configJson,
      timeoutMs: settings.timeoutMs,
      grants,
      onBroken: () => made?.onBroken(),
    });
    if (this.#configJson !== null) {
      const refusal = guest.configure(this.#configJson, settings.startTimeoutMs);
      if (refusal !== null) {
        guest.close();
        throw refusal;
      }
    }
    made = new LeasedInstance({
      index,
      guest,
      timeoutMs: settings.timeoutMs,
      meter: this.#meter,
      onCall: (fuelUnits) => this.#options.onCall(fuelUnits),
      onFree: (instance) => this.#onFree(instance),
    });
    return made;
  }

  #keep(instance: LeasedInstance): void {
    this.#instances.add(instance);
    if (this.#isExclusive) this.#free.push(instance);
  }

  /** An instance serves no exchange any more, or was lost. */
  #onFree(instance: LeasedInstance): void {
    const isGone = instance.isLost || instance.isRetired;
    if (instance.isLost && this.#instances.has(instance)) {
      this.#lost++;
      this.#budget.recordAnswered(instance.calls);
    }
    const reason = isGone ? null : this.#replacementReason(instance);
    if (isGone || reason !== null) {
      this.#instances.delete(instance);
      if (reason !== null) this.#options.counters.countReplacement(reason);
      if (!isGone) instance.close();
      this.#endIfEmpty();
      this.#refillLater();
      return;
    }
    if (!this.#isExclusive || this.#free.includes(instance)) return;
    if (this.#free.length < this.#size) this.#free.push(instance);
    else {
      this.#instances.delete(instance);
      instance.close();
    }
  }

  /** Null: it may serve another exchange. */
  #replacementReason(instance: LeasedInstance): ReplacementReason | null {
    const { isFreshPerRequest, recycleAfterCalls, recycleMemoryBytes } = this.#options.settings;
    if (isFreshPerRequest) return "isolation";
    if (recycleAfterCalls > 0 && instance.calls >= recycleAfterCalls) return "calls";
    const isLarge = recycleMemoryBytes > 0 && instance.memoryBytes >= recycleMemoryBytes;
    return isLarge || instance.isDueForRecycling ? "memory" : null;
  }

  /** How many more instances should wait for exchanges. */
  get #missing(): number {
    if (this.#isExclusive) return this.#size - this.#free.length;
    let usable = 0;
    for (const instance of this.#instances) if (!instance.isRetired) usable++;
    return Math.min(this.#size, MAX_SHARED_INSTANCES) - usable;
  }

  #refillLater(): void {
    if (this.#isClosed || this.#refill !== null || this.#missing <= 0) return;
    const pauseMs = Math.max(REFILL_PAUSE_MS, this.#budget.remainingMs(performance.now()));
    this.#refill = setTimeout(() => {
      this.#refill = null;
      this.#refillOne();
      this.#refillLater();
    }, pauseMs);
    this.#refill.unref();
  }

  #refillOne(): void {
    if (this.#missing <= 0 || this.#instances.size >= this.#options.maxInstances) return;
    const startedAtMs = performance.now();
    try {
      this.#keep(this.#make());
      this.#account(startedAtMs);
    } catch (cause) {
      this.#onFailedStart(cause, startedAtMs);
    }
  }

  /** Only what takes the place of a lost instance is charged. Returns what it took. */
  #account(startedAtMs: number): number {
    const nowMs = performance.now();
    const tookMs = nowMs - startedAtMs;
    if (this.#lost > 0) {
      this.#lost--;
      this.#budget.recordMade(tookMs, nowMs);
    } else this.#budget.recordWanted(tookMs);
    return tookMs;
  }

  #endIfEmpty(): void {
    if (this.#isClosed && this.#instances.size === 0) this.#ended.resolve();
  }
}
