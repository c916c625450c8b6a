/**
 * The slots that live on this thread. Since a call returns before the next one starts, one slot would do; the others
 * stand by while a broken one is refilled. The first idle one is asked, so that one warm instance does the work.
 */

import type { GuestFactory } from "../abi/contract.ts";
import type { GuestEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log } from "../observe/log.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import { type FuelListener, InlineSlot } from "./inline-slot.ts";
import { noInstance } from "./no-instance.ts";
import { RefillBudget } from "./refill-budget.ts";
import type { SlotSettings } from "./slot-settings.ts";

export interface InlineRingOptions {
  readonly factory: GuestFactory;
  readonly size: number;
  /** Number of the first slot, as log lines name it. */
  readonly firstIndex: number;
  readonly settings: SlotSettings;
  /** What the proxy has configured so far; null for nothing. */
  readonly configJson: string | null;
  readonly log: Log;
  /** Called when a slot that had lost its instance has a new one, or could not get one and tries again later. */
  onRefill?(isGood: boolean): void;
}

/** An instance that takes longer is not made between two requests while there still is time before the first. */
const CHEAP_INSTANCE_MS = 5;
/** Time for what the agent does between its first instance and its first request. */
const FIRST_GROWTH_PAUSE_MS = 50;
/** Between two instances that are made in the background. */
const GROWTH_PAUSE_MS = 2;

export class InlineRing {
  readonly #options: InlineRingOptions;
  readonly #slots: InlineSlot[] = [];
  readonly #budget = new RefillBudget(performance.now());
  #configJson: string | null;
  #targetSize: number;
  #growth: ReturnType<typeof setTimeout> | null = null;

  /**
   * Makes the first instance, and the others soon after if that was cheap: whoever waits for the agent to be ready
   * need not wait for instances that stand by. If it was not, all are made at once, before there are requests to hold
   * up.
   *
   * @throws ModuleError when one cannot be made, EventFailure when one refuses the configuration.
   */
  constructor(options: InlineRingOptions) {
    this.#options = options;
    this.#configJson = options.configJson;
    this.#targetSize = options.size;
    const startedAtMs = performance.now();
    this.#addSlot();
    if (performance.now() - startedAtMs < CHEAP_INSTANCE_MS) this.#growAfter(FIRST_GROWTH_PAUSE_MS);
    else while (this.#slots.length < options.size) this.#addSlot();
  }

  get idleCount(): number {
    return this.#slots.reduce((count, slot) => count + (slot.state === "idle" ? 1 : 0), 0);
  }

  /** False while every instance is broken and none may be made yet. */
  get canAsk(): boolean {
    return this.#slots.some((slot) => slot.state === "idle" || slot.isRefillable);
  }

  /** Asks the first sound instance. Never throws. */
  ask(
    event: GuestEvent,
    timeoutMs: number,
    graceMs = 0,
    onFuel: FuelListener | null = null,
  ): Verdict | EventFailure {
    const slot = this.#firstIdle() ?? this.#firstRefillable();
    return slot === null ? noInstance() : slot.ask(event, timeoutMs, graceMs, onFuel);
  }

  /** Changes the number of slots. Growth happens in the background, one instance at a time. */
  resize(size: number): void {
    this.#targetSize = size;
    for (const slot of this.#slots.splice(size)) slot.close();
    this.#growAfter(0);
  }

  /**
   * Hands a configuration to the guest: first to one fresh instance, and only if that accepts it to all others, so
   * that a refused configuration changes nothing. Null accepts.
   */
  configure(configJson: string): EventFailure | null {
    const failure = this.#tryConfiguration(configJson);
    if (failure !== null) return failure;
    this.#configJson = configJson;
    for (const slot of this.#slots) {
      const refusal = slot.configure(configJson);
      if (refusal !== null) {
        this.#options.log.warn("a slot did not take the configuration that another instance accepted", {
          slot: slot.index,
          code: refusal.code,
          reason: refusal.message,
        });
      }
    }
    return null;
  }

  close(): void {
    if (this.#growth !== null) clearTimeout(this.#growth);
    this.#growth = null;
    this.#targetSize = 0;
    for (const slot of this.#slots.splice(0)) slot.close();
  }

  #firstIdle(): InlineSlot | null {
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i]!;
      if (slot.state === "idle") return slot;
    }
    return null;
  }

  /** While the budget allows it, the event after a crash makes its own instance rather than fail. */
  #firstRefillable(): InlineSlot | null {
    return this.#slots.find((slot) => slot.isRefillable) ?? null;
  }

  #tryConfiguration(configJson: string): EventFailure | null {
    const { factory, settings, log, firstIndex } = this.#options;
    try {
      const candidate = factory.instantiate({
        slot: firstIndex + this.#slots.length,
        log,
        startTimeoutMs: settings.startTimeoutMs,
        isMuted: false,
        lineRate: new LineRate(),
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

  #addSlot(): void {
    const { factory, firstIndex, settings, log } = this.#options;
    const index = firstIndex + this.#slots.length;
    this.#slots.push(
      new InlineSlot(index, factory, settings, this.#configJson, log, this.#budget, (isGood) =>
        this.#options.onRefill?.(isGood),
      ),
    );
  }

  #growAfter(pauseMs: number): void {
    if (this.#growth !== null || this.#slots.length >= this.#targetSize) return;
    this.#growth = setTimeout(() => {
      this.#growth = null;
      this.#growByOne();
      this.#growAfter(GROWTH_PAUSE_MS);
    }, pauseMs);
  }

  #growByOne(): void {
    if (this.#slots.length >= this.#targetSize) return;
    try {
      this.#addSlot();
    } catch (error) {
      this.#targetSize = this.#slots.length;
      this.#options.log.error("the pool could not grow; it keeps its size", {
        size: this.#slots.length,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
