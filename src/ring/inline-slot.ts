/**
 * A slot whose instance lives on this thread: a call returns the outcome.
 *
 * An instance that broke is dropped at once. The ring has it replaced later, never within the request that broke it.
 */

import type { StatelessFactory, StatelessGuest } from "../abi/contract.ts";
import type { ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import { lateFailure } from "../event/late-failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleCounters, ReplacementReason } from "../telemetry/metrics/module-metrics.ts";
import type { ReadClock } from "../telemetry/metrics/read-clock.ts";
import type { CallListener } from "./call-meter.ts";
import { madeTooLate } from "./no-instance.ts";
import { toFailure } from "./to-failure.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import type { RefillBudget } from "./refill-budget.ts";
import { reasonOf } from "./replacement-reason.ts";
import type { SlotSettings } from "./slot-settings.ts";
import type { SlotState } from "./slot-state.ts";

export interface InlineSlotOptions {
  readonly index: number;
  readonly factory: StatelessFactory;
  readonly settings: SlotSettings;
  /** The configuration of the moment; null while there is none. */
  readonly configJson: string | null;
  readonly log: Log;
  readonly budget: RefillBudget;
  readonly counters: ModuleCounters;
  readonly clock: ReadClock;
  /** The slot has no instance any more and should be refilled. */
  onEmpty(): void;
}

export class InlineSlot {
  readonly index: number;
  readonly #factory: StatelessFactory;
  readonly #settings: SlotSettings;
  readonly #log: Log;
  readonly #onEmpty: () => void;
  readonly #budget: RefillBudget;
  readonly #lineRate: LineRate;
  readonly #counters: ModuleCounters;
  readonly #clock: ReadClock;
  #state: SlotState = "broken";
  #instance: StatelessGuest | null = null;
  #configJson: string | null = null;
  #calls = 0;
  /** What the last instance took to be made. */
  #madeInMs = 0;
  #wantsRequest = false;
  /** The next instance stands in for one that was lost, and not for one that was replaced as the operator wished. */
  #isCharged = false;

  /**
   * Makes the first instance, too.
   *
   * @throws ModuleError when the instance cannot be made, EventFailure when it refuses the configuration.
   */
  constructor(options: InlineSlotOptions) {
    const { settings } = options;
    this.index = options.index;
    this.#factory = options.factory;
    this.#settings = settings;
    this.#lineRate = new LineRate({ linesPerSecond: settings.guestLogRate });
    this.#configJson = options.configJson;
    this.#log = options.log;
    this.#budget = options.budget;
    this.#counters = options.counters;
    this.#clock = options.clock;
    this.#onEmpty = () => options.onEmpty();
    this.#instantiate();
    this.#state = "idle";
  }

  /** What the guest said when its last instance was made. */
  get wantsRequest(): boolean {
    return this.#wantsRequest;
  }

  /** Of its instance; 0 without one. */
  get memoryBytes(): number {
    return this.#instance?.memoryBytes ?? 0;
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Idle, and its instance is there. An idle slot without one was recycled. */
  get isReady(): boolean {
    return this.#state === "idle" && this.#instance !== null;
  }

  /**
   * Calls the guest; only while idle or broken. Makes the instance first if there is none, in the event's own time, of
   * which `spentMs` are gone already. Never throws.
   */
  call(
    event: ProxyEvent,
    timeoutMs: number,
    graceMs: number,
    listener: CallListener | null,
    spentMs: number,
  ): Verdict | EventFailure {
    let instance = this.#instance;
    let goneMs = spentMs;
    try {
      if (instance === null) {
        instance = this.#makeInstance();
        goneMs += this.#madeInMs;
        if (goneMs >= this.#settings.timeoutMs) {
          this.#state = "idle";
          return madeTooLate(goneMs);
        }
      }
    } catch (error) {
      return toFailure(error);
    }
    this.#state = "busy";
    const isBrief = graceMs > 0;
    const startedAtMs = listener !== null ? this.#clock.read() : isBrief ? this.#clock.latestMs : 0;
    let outcome: Verdict | EventFailure;
    try {
      outcome = instance.call(event, timeoutMs, graceMs, goneMs);
    } catch (error) {
      outcome = toFailure(error);
    }
    if (isBrief || listener !== null) {
      const endedAtMs = this.#clock.read();
      if (isBrief) outcome = this.#inTime(outcome, event, goneMs + endedAtMs - startedAtMs);
      listener?.onCall({ kind: event.kind, startedAtMs, endedAtMs, fuelUnits: instance.fuelUsed });
    }
    this.#afterCall(instance, outcome);
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
    if (failure !== null) this.#lose("configuration");
    return failure;
  }

  /** The next event meets a new instance, configured from its start. */
  renew(configJson: string): void {
    this.#configJson = configJson;
    if (this.#instance !== null) this.#replace("configuration");
  }

  close(): void {
    this.#state = "closed";
    this.#drop();
  }

  #afterCall(instance: StatelessGuest, outcome: Verdict | EventFailure): void {
    if (instance.isBroken) {
      this.#lose(reasonOf(outcome));
      return;
    }
    this.#calls++;
    if (this.#isUsedUp) this.#replace(this.#settings.isFreshPerRequest ? "isolation" : "calls");
    else if (this.#isDueForRecycling(instance) && this.#budget.remainingMs(performance.now()) === 0)
      this.#replace("memory");
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

  #lose(reason: ReplacementReason): void {
    this.#counters.countReplacement(reason);
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
  #replace(reason: ReplacementReason): void {
    this.#counters.countReplacement(reason);
    this.#budget.recordAnswered(this.#calls);
    this.#drop();
    // What the guest grows to is its own doing, the rest is the operator's wish.
    this.#isCharged = reason === "memory";
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
      this.#madeInMs = nowMs - startedAtMs;
      if (this.#isCharged) this.#budget.recordMade(this.#madeInMs, nowMs);
      else this.#budget.recordWanted(this.#madeInMs);
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
