/**
 * The slots that live on this thread. Since a call returns before the next one starts, one slot would do; the others
 * are spare, for the time in which a lost instance is replaced. The first that is ready is called, so that one warm
 * instance does the work.
 */

import type { StatelessFactory } from "../abi/contract.ts";
import type { ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleCounters } from "../telemetry/metrics/module-metrics.ts";
import type { ReadClock } from "../telemetry/metrics/read-clock.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import type { CallListener } from "./call-meter.ts";
import { InlineSlot } from "./inline-slot.ts";
import type { InstanceStates } from "./instance-states.ts";
import { noInstance } from "./no-instance.ts";
import { RefillBudget } from "./refill-budget.ts";
import type { SlotSettings } from "./slot-settings.ts";

export interface InlineRingOptions {
  readonly factory: StatelessFactory;
  readonly size: number;
  /** Number of the first slot, as log lines name it. */
  readonly firstIndex: number;
  readonly settings: SlotSettings;
  /** What the proxy has configured so far; null for nothing. */
  readonly configJson: string | null;
  readonly log: Log;
  readonly counters: ModuleCounters;
  readonly clock: ReadClock;
  /** Events are being answered while this ring is made. */
  readonly isServing?: boolean;
  /** Called when a slot that had lost its instance has a new one, or could not get one and tries again later. */
  onRefill?(isGood: boolean): void;
}

/** An instance that takes longer is not made between two requests while there still is time before the first. */
const CHEAP_INSTANCE_MS = 5;
/** How long a configuration may hold up events, but for one fresh instance and one that has served. */
const MAX_CONFIGURE_MS = 5;
/** Time for what the agent does between its first instance and its first request. */
const FIRST_GROWTH_PAUSE_MS = 50;
/** Between two spare instances; at least what the last one took, so that requests get half of the time. */
const MIN_GROWTH_PAUSE_MS = 2;
const FIRST_FAILED_GROWTH_PAUSE_MS = 10;
const MAX_FAILED_GROWTH_PAUSE_MS = 5000;

export class InlineRing {
  readonly #options: InlineRingOptions;
  readonly #slots: InlineSlot[] = [];
  readonly #budget = new RefillBudget(performance.now());
  #configJson: string | null;
  #targetSize: number;
  #growth: ReturnType<typeof setTimeout> | null = null;
  #failedGrowths = 0;
  #refill: ReturnType<typeof setTimeout> | null = null;
  #refillAtMs = 0;
  #isClosed = false;

  /**
   * Makes the first instance, and the others in the background: whoever waits for the agent to be ready need not wait
   * for spare instances. Expensive ones are all made at once, unless requests would have to wait for it.
   *
   * @throws ModuleError when the first cannot be made, EventFailure when it refuses the configuration.
   */
  constructor(options: InlineRingOptions) {
    this.#options = options;
    this.#configJson = options.configJson;
    this.#targetSize = options.size;
    const costMs = this.#addSlot();
    if (costMs >= CHEAP_INSTANCE_MS && options.isServing !== true) {
      while (this.#slots.length < options.size && this.#failedGrowths === 0) this.#growByOne();
    }
    this.#growAfter(FIRST_GROWTH_PAUSE_MS);
  }

  /** The guest wants the request of their exchange in later events. */
  get wantsRequest(): boolean {
    return this.#slots[0]?.wantsRequest === true;
  }

  get idleCount(): number {
    return this.#slots.filter(isIdle).length;
  }

  get instanceStates(): InstanceStates {
    const idle = this.#slots.filter(({ isReady }) => isReady).length;
    return { idle, busy: 0, empty: this.#slots.length - idle };
  }

  /** Of the largest instance. */
  get memoryBytes(): number {
    return Math.max(0, ...this.#slots.map(({ memoryBytes }) => memoryBytes));
  }

  /** False while every instance is broken and none may be made yet. */
  get canCall(): boolean {
    return this.#firstReady() !== null || this.#firstToMake() !== null;
  }

  /** Calls the first healthy instance; `spentMs` of the event's time are gone already. Never throws. */
  call(
    event: ProxyEvent,
    timeoutMs: number,
    graceMs = 0,
    listener: CallListener | null = null,
    spentMs = 0,
  ): Verdict | EventFailure {
    const slot = this.#firstReady() ?? this.#firstToMake();
    return slot === null ? noInstance() : slot.call(event, timeoutMs, graceMs, listener, spentMs);
  }

  /** Changes the number of slots. Growth happens in the background, one instance at a time. */
  resize(size: number): void {
    if (this.#isClosed || size === this.#targetSize) return;
    this.#targetSize = size;
    while (this.#slots.length > size) this.#removeSlot();
    this.#failedGrowths = 0;
    if (this.#growth !== null) clearTimeout(this.#growth);
    this.#growth = null;
    this.#growAfter(0);
  }

  /**
   * Hands a configuration to the guest: first to one fresh instance, and only if that accepts it to all others, so
   * that a refused configuration changes nothing. Where that takes long, the spare ones are replaced instead, in
   * the background. Null accepts.
   */
  configure(configJson: string): EventFailure | null {
    const startedAtMs = performance.now();
    const failure = this.#tryConfiguration(configJson);
    if (failure !== null) return failure;
    this.#configJson = configJson;
    let hasTried = false;
    for (const slot of this.#slots) {
      const isLive = slot.isReady;
      if (hasTried && performance.now() - startedAtMs > MAX_CONFIGURE_MS) slot.renew(configJson);
      else this.#configureSlot(slot, configJson);
      hasTried ||= isLive;
    }
    return null;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#growth !== null) clearTimeout(this.#growth);
    if (this.#refill !== null) clearTimeout(this.#refill);
    for (const slot of this.#slots.splice(0)) slot.close();
  }

  #firstReady(): InlineSlot | null {
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i]!;
      if (slot.isReady) return slot;
    }
    return null;
  }

  /** While the budget allows it, the event after a crash makes its own instance rather than fail. */
  #firstToMake(): InlineSlot | null {
    const slot = this.#firstEmpty();
    return slot === null || isIdle(slot) || this.#refillPauseMs() === 0 ? slot : null;
  }

  /** Recycled slots before broken ones: they wait for nothing. */
  #firstEmpty(): InlineSlot | null {
    return this.#slots.find((slot) => isIdle(slot) && !slot.isReady) ?? this.#slots.find(isBroken) ?? null;
  }

  #refillPauseMs(): number {
    return this.#budget.remainingMs(performance.now());
  }

  /** When the first empty slot may be filled, and not before `minPauseMs`. */
  #refillLater(minPauseMs = 0): void {
    const slot = this.#firstEmpty();
    if (slot === null || this.#isClosed) return;
    const pauseMs = Math.max(minPauseMs, isIdle(slot) ? 0 : this.#refillPauseMs());
    const atMs = performance.now() + pauseMs;
    if (this.#refill !== null) {
      if (this.#refillAtMs <= atMs) return;
      clearTimeout(this.#refill);
    }
    this.#refillAtMs = atMs;
    this.#refill = setTimeout(() => {
      this.#refill = null;
      const tookMs = this.#refillAll();
      this.#refillLater(tookMs < CHEAP_INSTANCE_MS ? 0 : tookMs);
    }, pauseMs);
  }

  /**
   * Makes all that may be made, which share a collection of garbage; as far as that does not hold up events for long.
   * Answers what it took, in milliseconds.
   */
  #refillAll(): number {
    const startedAtMs = performance.now();
    let tookMs = 0;
    for (
      let slot = this.#firstToMake();
      slot !== null && tookMs < CHEAP_INSTANCE_MS;
      slot = this.#firstToMake()
    ) {
      const wasBroken = isBroken(slot);
      const isGood = slot.refill();
      if (wasBroken || !isGood) this.#options.onRefill?.(isGood);
      tookMs = performance.now() - startedAtMs;
    }
    return tookMs;
  }

  #configureSlot(slot: InlineSlot, configJson: string): void {
    const refusal = slot.configure(configJson);
    if (refusal === null) return;
    this.#options.log.warn(
      "an instance refuses the configuration that a fresh one accepted; it is replaced",
      {
        slot: slot.index,
        code: refusal.code,
        reason: refusal.message,
      },
    );
  }

  #tryConfiguration(configJson: string): EventFailure | null {
    const { factory, settings, log } = this.#options;
    try {
      const candidate = factory.instantiate({
        slot: this.#freeIndex(),
        log,
        startTimeoutMs: settings.startTimeoutMs,
        isMuted: false,
        lineRate: new LineRate({ linesPerSecond: settings.guestLogRate }),
        reportedFunctions: settings.reportedFunctions,
      });
      return candidate.configure(configJson, settings.startTimeoutMs);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return new EventFailure("guest-no-instance", `no instance could be made to try it: ${reason}`, {
        cause,
      });
    }
  }

  /** Answers what it took, in milliseconds. */
  #addSlot(): number {
    const startedAtMs = performance.now();
    this.#slots.push(
      new InlineSlot({
        ...this.#options,
        index: this.#freeIndex(),
        configJson: this.#configJson,
        budget: this.#budget,
        onEmpty: () => this.#refillLater(),
      }),
    );
    const costMs = performance.now() - startedAtMs;
    this.#budget.recordWanted(costMs);
    return costMs;
  }

  #freeIndex(): number {
    const taken = new Set(this.#slots.map(({ index }) => index));
    let index = this.#options.firstIndex;
    while (taken.has(index)) index++;
    return index;
  }

  /** One that nobody would miss, if there is one; else the last, which -1 means to `splice`. */
  #removeSlot(): void {
    const at = this.#slots.findLastIndex((slot) => !slot.isReady);
    for (const slot of this.#slots.splice(at, 1)) slot.close();
  }

  #growAfter(pauseMs: number): void {
    if (this.#growth !== null || this.#slots.length >= this.#targetSize) return;
    this.#growth = setTimeout(() => {
      this.#growth = null;
      this.#growAfter(this.#growByOne());
    }, pauseMs);
  }

  /** Answers how long to wait before the next one. */
  #growByOne(): number {
    const startedAtMs = performance.now();
    try {
      const costMs = this.#addSlot();
      this.#failedGrowths = 0;
      return Math.max(MIN_GROWTH_PAUSE_MS, costMs);
    } catch (error) {
      // It may never succeed: one line of it is enough.
      const level = this.#failedGrowths === 0 ? "error" : "debug";
      this.#options.log[level]("a spare instance could not be made; it is tried again and again", {
        size: this.#slots.length,
        pool_size: this.#targetSize,
        reason: error instanceof Error ? error.message : String(error),
      });
      const pauseMs = FIRST_FAILED_GROWTH_PAUSE_MS * 2 ** this.#failedGrowths++;
      return Math.max(performance.now() - startedAtMs, Math.min(pauseMs, MAX_FAILED_GROWTH_PAUSE_MS));
    }
  }
}

function isIdle(slot: InlineSlot): boolean {
  return slot.state === "idle";
}

function isBroken(slot: InlineSlot): boolean {
  return slot.state === "broken";
}
