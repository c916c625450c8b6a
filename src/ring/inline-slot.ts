/**
 * A slot whose instance lives on this thread: asking it returns with the outcome.
 *
 * An instance that broke is dropped at once and replaced from a timer, never within the request that broke it.
 */

import type { GuestFactory, GuestInstance } from "../abi/contract.ts";
import type { GuestEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log } from "../observe/log.ts";
import { type FuelReading, fuelUsed } from "../wasm/fuel-reading.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import type { RefillBudget } from "./refill-budget.ts";
import type { SlotSettings } from "./slot-settings.ts";
import type { SlotState } from "./slot-state.ts";

/** Told what a call used, about one unit for each instruction. Not told for guests without limits. */
export type FuelListener = (fuelUnits: number) => void;

export class InlineSlot {
  readonly index: number;
  readonly #factory: GuestFactory;
  readonly #settings: SlotSettings;
  readonly #log: Log;
  readonly #onRefill: (isGood: boolean) => void;
  readonly #budget: RefillBudget;
  readonly #lineRate = new LineRate();
  #state: SlotState = "broken";
  #instance: GuestInstance | null = null;
  #configJson: string | null = null;
  #calls = 0;
  #refillTimer: ReturnType<typeof setTimeout> | null = null;

  /**
   * Makes the first instance, too. `configJson` is the configuration of the moment, null while there is none;
   * `onRefill` hears how it went when the slot, having been broken, tried for a new instance without being asked.
   *
   * @throws ModuleError when the instance cannot be made, EventFailure when it refuses the configuration.
   */
  constructor(
    index: number,
    factory: GuestFactory,
    settings: SlotSettings,
    configJson: string | null,
    log: Log,
    budget: RefillBudget,
    onRefill: (isGood: boolean) => void,
  ) {
    this.index = index;
    this.#factory = factory;
    this.#settings = settings;
    this.#configJson = configJson;
    this.#log = log;
    this.#budget = budget;
    this.#onRefill = onRefill;
    this.#instantiate();
    this.#state = "idle";
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Broken, but the budget has credit: `ask` may make an instance at once. */
  get isRefillable(): boolean {
    return this.#state === "broken" && this.#budget.remainingMs(performance.now()) === 0;
  }

  /** Asks the guest; only while idle or refillable. Never throws. The state is right again when it returns. */
  ask(
    event: GuestEvent,
    timeoutMs: number,
    graceMs: number,
    onFuel: FuelListener | null,
  ): Verdict | EventFailure {
    let instance: GuestInstance;
    try {
      instance = this.#instance ?? this.#makeInstance();
    } catch (error) {
      return toFailure(error);
    }
    this.#state = "busy";
    const fuelBefore = onFuel === null ? null : instance.fuel;
    try {
      return instance.ask(event, timeoutMs, graceMs);
    } catch (error) {
      return toFailure(error);
    } finally {
      if (onFuel !== null) this.#tellFuel(instance, fuelBefore, onFuel);
      this.#afterCall(instance);
    }
  }

  configure(configJson: string): EventFailure | null {
    this.#configJson = configJson;
    if (this.#instance === null) return null;
    const failure = this.#instance.configure(configJson, this.#settings.startTimeoutMs);
    if (this.#instance.isBroken) this.#dropBroken();
    return failure;
  }

  close(): void {
    this.#state = "closed";
    this.#instance = null;
    if (this.#refillTimer !== null) clearTimeout(this.#refillTimer);
    this.#refillTimer = null;
  }

  #tellFuel(instance: GuestInstance, before: FuelReading | null, onFuel: FuelListener): void {
    const after = instance.fuel;
    if (before !== null && after !== null) onFuel(fuelUsed(before, after, this.#settings.fuelPerSlice));
  }

  #afterCall(instance: GuestInstance): void {
    if (instance.isBroken) {
      this.#budget.recordAnswered(this.#calls);
      this.#dropBroken();
      return;
    }
    this.#calls++;
    if (this.#isWornOut(instance)) this.#recycle();
    else if (this.#state === "busy") this.#state = "idle";
  }

  /** Recycling: a leaky guest is replaced between two requests, before it reaches its memory cap. */
  #isWornOut(instance: GuestInstance): boolean {
    const { recycleAfterCalls, recycleMemoryBytes, isFreshPerRequest } = this.#settings;
    return (
      isFreshPerRequest ||
      instance.isWorn ||
      (recycleAfterCalls > 0 && this.#calls >= recycleAfterCalls) ||
      (recycleMemoryBytes > 0 && instance.memoryBytes >= recycleMemoryBytes)
    );
  }

  #dropBroken(): void {
    this.#instance = null;
    if (this.#state === "closed") return;
    this.#state = "broken";
    this.#scheduleRefill(this.#budget.remainingMs(performance.now()));
  }

  /** The slot stays in service: a request that comes before the refill makes its instance itself. */
  #recycle(): void {
    this.#budget.recordAnswered(this.#calls);
    this.#instance = null;
    if (this.#state === "closed") return;
    this.#state = "idle";
    this.#scheduleRefill(0);
  }

  #scheduleRefill(pauseMs: number): void {
    if (this.#refillTimer !== null) clearTimeout(this.#refillTimer);
    this.#refillTimer = setTimeout(() => this.#refill(), pauseMs);
  }

  #refill(): void {
    this.#refillTimer = null;
    if (this.#state === "closed" || this.#instance !== null) return;
    if (this.#state === "broken") {
      // Other slots may have used up the credit since.
      const pauseMs = this.#budget.remainingMs(performance.now());
      if (pauseMs > 0) {
        this.#scheduleRefill(pauseMs);
        return;
      }
    }
    try {
      this.#makeInstance();
    } catch {
      // Already logged, and tried again later.
      this.#onRefill(false);
      return;
    }
    if (this.#state !== "broken") return;
    this.#state = "idle";
    this.#onRefill(true);
  }

  /** @throws EventFailure when there is no instance to be had; the next try is scheduled then. */
  #makeInstance(): GuestInstance {
    const isCharged = this.#state === "broken";
    const startedAtMs = performance.now();
    try {
      const instance = this.#instantiate();
      const nowMs = performance.now();
      if (isCharged) this.#budget.recordMade(nowMs - startedAtMs, nowMs);
      else this.#budget.recordGoodStart();
      return instance;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#log.error("a fresh instance could not be made", { slot: this.index, reason });
      this.#budget.recordFailedStart(performance.now());
      this.#dropBroken();
      throw new EventFailure("guest-no-instance", `a fresh instance could not be made: ${reason}`, { cause });
    }
  }

  #instantiate(): GuestInstance {
    const instance = this.#factory.instantiate({
      slot: this.index,
      log: this.#log,
      startTimeoutMs: this.#settings.startTimeoutMs,
      isMuted: false,
      lineRate: this.#lineRate,
      reportedFunctions: this.#settings.reportedFunctions,
    });
    if (this.#configJson !== null) {
      const failure = instance.configure(this.#configJson, this.#settings.startTimeoutMs);
      if (failure !== null) throw failure;
    }
    this.#instance = instance;
    this.#calls = 0;
    return instance;
  }
}

function toFailure(error: unknown): EventFailure {
  if (error instanceof EventFailure) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new EventFailure("agent-internal", `the agent failed while asking the guest: ${reason}`, {
    cause: error,
  });
}
