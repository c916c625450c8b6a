/**
 * A slot whose instance lives on this thread: asking it returns with the outcome.
 *
 * An instance that broke is dropped at once. The ring has it replaced later, never within the request that broke it.
 */

import type { StatelessFactory, StatelessGuest } from "../abi/contract.ts";
import type { ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import { lateFailure } from "../event/late-failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";
import { toFailure } from "./to-failure.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import type { RefillBudget } from "./refill-budget.ts";
import type { SlotSettings } from "./slot-settings.ts";
import type { SlotState } from "./slot-state.ts";

/** Told what a call used, about one unit for each instruction. Not told for guests without limits. */
export type FuelListener = (fuelUnits: number) => void;

export class InlineSlot {
  readonly index: number;
  readonly #factory: StatelessFactory;
  readonly #settings: SlotSettings;
  readonly #log: Log;
  readonly #onEmpty: () => void;
  readonly #budget: RefillBudget;
  readonly #lineRate = new LineRate();
  #state: SlotState = "broken";
  #instance: StatelessGuest | null = null;
  #configJson: string | null = null;
  #calls = 0;
  #wantsRequest = false;
  /** The next instance stands in for one that was lost, and not for one that was replaced as the operator wished. */
  #isCharged = false;

  /**
   * Makes the first instance, too. `configJson` is the configuration of the moment, null while there is none;
   * `onEmpty` hears that the slot has no instance any more and should be refilled.
   *
   * @throws ModuleError when the instance cannot be made, EventFailure when it refuses the configuration.
   */
  constructor(
    index: number,
    factory: StatelessFactory,
    settings: SlotSettings,
    configJson: string | null,
    log: Log,
    budget: RefillBudget,
    onEmpty: () => void,
  ) {
    this.index = index;
    this.#factory = factory;
    this.#settings = settings;
    this.#configJson = configJson;
    this.#log = log;
    this.#budget = budget;
    this.#onEmpty = onEmpty;
    this.#instantiate();
    this.#state = "idle";
  }

  /** What the guest said when its last instance was made. */
  get wantsRequest(): boolean {
    return this.#wantsRequest;
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Idle, and its instance is there. An idle slot without one was recycled. */
  get isReady(): boolean {
    return this.#state === "idle" && this.#instance !== null;
  }

  /** Asks the guest; only while idle or broken. Makes the instance first if there is none. Never throws. */
  call(
    event: ProxyEvent,
    timeoutMs: number,
    graceMs: number,
    onFuel: FuelListener | null,
  ): Verdict | EventFailure {
    let instance: StatelessGuest;
    try {
      instance = this.#instance ?? this.#makeInstance();
    } catch (error) {
      return toFailure(error);
    }
    this.#state = "busy";
    const startedAtMs = graceMs > 0 ? performance.now() : 0;
    let outcome: Verdict | EventFailure;
    try {
      outcome = instance.call(event, timeoutMs, graceMs);
    } catch (error) {
      outcome = toFailure(error);
    }
    if (graceMs > 0) outcome = this.#inTime(outcome, event, performance.now() - startedAtMs);
    if (onFuel !== null) tellFuel(instance, onFuel);
    this.#afterCall(instance);
    return outcome;
  }

  /** A call with a budget knows nothing of its event's time, which may be up as well. */
  #inTime(outcome: Verdict | EventFailure, { kind }: ProxyEvent, elapsedMs: number): Verdict | EventFailure {
    const { timeoutMs } = this.#settings;
    if (elapsedMs < timeoutMs) return outcome;
    if (outcome instanceof EventFailure && outcome.code !== "guest-deadline") return outcome;
    return lateFailure(kind, elapsedMs, timeoutMs);
  }

  /** Makes the instance that is missing. False: it could not be made, which the log knows; the slot is broken then. */
  refill(): boolean {
    try {
      this.#makeInstance();
    } catch {
      return false;
    }
    this.#state = "idle";
    return true;
  }

  /** An instance that refuses is replaced: it must not go on with what held before. */
  configure(configJson: string): EventFailure | null {
    this.#configJson = configJson;
    if (this.#instance === null) return null;
    const failure = this.#instance.configure(configJson, this.#settings.startTimeoutMs);
    if (failure !== null) this.#lose();
    return failure;
  }

  /** The next event meets a new instance, configured from its start. */
  renew(configJson: string): void {
    this.#configJson = configJson;
    if (this.#instance !== null) this.#replace(false);
  }

  close(): void {
    this.#state = "closed";
    this.#drop();
  }

  #afterCall(instance: StatelessGuest): void {
    if (instance.isBroken) {
      this.#lose();
      return;
    }
    this.#calls++;
    if (this.#isUsedUp) this.#replace(false);
    else if (this.#isDueForRecycling(instance) && this.#budget.remainingMs(performance.now()) === 0)
      this.#replace(true);
    else if (this.#state === "busy") this.#state = "idle";
  }

  /** It has answered as many calls as the operator lets it. */
  get #isUsedUp(): boolean {
    const { recycleAfterCalls, isFreshPerRequest } = this.#settings;
    return isFreshPerRequest || (recycleAfterCalls > 0 && this.#calls >= recycleAfterCalls);
  }

  /** A leaky guest is replaced between two requests, before it reaches its cap; how fast it leaks is its own doing. */
  #isDueForRecycling(instance: StatelessGuest): boolean {
    const { recycleMemoryBytes } = this.#settings;
    return (
      instance.isDueForRecycling || (recycleMemoryBytes > 0 && instance.memoryBytes >= recycleMemoryBytes)
    );
  }

  #lose(): void {
    this.#budget.recordAnswered(this.#calls);
    this.#becomeBroken();
  }

  #becomeBroken(): void {
    this.#drop();
    this.#isCharged = true;
    if (this.#state === "closed") return;
    this.#state = "broken";
    this.#onEmpty();
  }

  /** The slot stays in service: a request that comes before the refill makes its instance itself. */
  #replace(isCharged: boolean): void {
    this.#budget.recordAnswered(this.#calls);
    this.#drop();
    this.#isCharged = isCharged;
    if (this.#state === "closed") return;
    this.#state = "idle";
    this.#onEmpty();
  }

  #drop(): void {
    this.#instance?.close();
    this.#instance = null;
  }

  /** @throws EventFailure when there is no instance to be had. */
  #makeInstance(): StatelessGuest {
    const startedAtMs = performance.now();
    try {
      const instance = this.#instantiate();
      const nowMs = performance.now();
      if (this.#isCharged) this.#budget.recordMade(nowMs - startedAtMs, nowMs);
      else this.#budget.recordWanted(nowMs - startedAtMs);
      return instance;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#log.error("a fresh instance could not be made", { slot: this.index, reason });
      const nowMs = performance.now();
      this.#budget.recordFailedStart(nowMs - startedAtMs, nowMs);
      this.#becomeBroken();
      throw new EventFailure("guest-no-instance", `a fresh instance could not be made: ${reason}`, { cause });
    }
  }

  #instantiate(): StatelessGuest {
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
    this.#wantsRequest = instance.wantsRequest;
    this.#calls = 0;
    return instance;
  }
}

function tellFuel({ fuelUsed }: StatelessGuest, onFuel: FuelListener): void {
  if (fuelUsed !== null) onFuel(fuelUsed);
}
