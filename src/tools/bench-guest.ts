/**
 * A guest on the author's bench: one module, one instance at a time, asked without a socket and measured. An instance
 * that broke is replaced before the next question, as a ring would.
 */

import type { StatelessGuest } from "../abi/contract.ts";
import { guestLimits, type PreparedGuest, prepareGuest } from "../abi/guest-recipe.ts";
import type { HeadersEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import { InputError } from "../event/input-error.ts";
import { type GuestLine, GuestLines } from "./guest-lines.ts";
import type { GuestSettings } from "./guest-settings.ts";
import type { Outcome } from "../telemetry/recording/outcome-json.ts";

export interface Answer {
  readonly outcome: Outcome;
  /** For the whole call: encoding, the guest, decoding. */
  readonly us: number;
  /** Units, about one for each instruction; null without limits. */
  readonly fuel: number | null;
  /** Of the instance after the call. */
  readonly memoryBytes: number;
}

export class BenchGuest {
  readonly prepared: PreparedGuest;
  readonly #settings: GuestSettings;
  readonly #configJson: string | null;
  readonly #lines = new GuestLines();
  readonly #lineRate = new LineRate();
  readonly #reported = new Set<string>();
  #refusals = new Map<string, number>();
  #instance: StatelessGuest;

  private constructor(prepared: PreparedGuest, settings: GuestSettings, configJson: string | null) {
    this.prepared = prepared;
    this.#settings = settings;
    this.#configJson = configJson;
    this.#instance = this.#makeInstance();
  }

  /**
   * @param configJson what a proxy would configure the module with; null for nothing
   * @throws ModuleError when the module cannot be used, InputError when it refuses the configuration
   */
  static async open(
    moduleBytes: Uint8Array<ArrayBuffer>,
    settings: GuestSettings,
    configJson: string | null = null,
  ): Promise<BenchGuest> {
    const prepared = await prepareGuest({
      moduleBytes,
      limits: settings.limits ? guestLimits(settings.maxMemoryBytes) : null,
      abi: { abi: "auto", canonicalHeaderCase: settings.headerCase === "canonical" },
    });
    return new BenchGuest(prepared, settings, configJson);
  }

  get memoryBytes(): number {
    return this.#instance.memoryBytes;
  }

  /** After a failure: whether the next question is asked of a fresh instance. */
  get isBroken(): boolean {
    return this.#instance.isBroken;
  }

  handles(event: HeadersEvent): boolean {
    return this.prepared.factory.handles.has(event.kind);
  }

  /** What was written since the last call, by the guest and about it. */
  takeLines(): readonly GuestLine[] {
    return this.#lines.take();
  }

  /**
   * Function name -> how often the guest called it and was refused, since the last call; the start of an instance counts
   * with the call that follows. Names are the guest's choice.
   */
  takeRefusals(): ReadonlyMap<string, number> {
    const refusals = this.#refusals;
    this.#refusals = new Map();
    return refusals;
  }

  /** @throws ModuleError when the instance is broken and no other can be made. */
  call(event: HeadersEvent): Answer {
    if (this.#instance.isBroken) this.#instance = this.#makeInstance();
    const instance = this.#instance;
    const startedAtMs = performance.now();
    const outcome = this.#outcomeOf(instance, event);
    const us = (performance.now() - startedAtMs) * 1000;
    return { outcome, us, fuel: instance.fuelUsed, memoryBytes: instance.memoryBytes };
  }

  #outcomeOf(instance: StatelessGuest, event: HeadersEvent): Outcome {
    try {
      return instance.call(event, this.#settings.timeoutMs);
    } catch (error) {
      if (error instanceof EventFailure) return error;
      throw error;
    }
  }

  #makeInstance(): StatelessGuest {
    const { factory } = this.prepared;
    if (factory.isStateful) throw new InputError("event-shape", "this command calls stateless guests only");
    const instance = factory.instantiate({
      slot: 0,
      log: this.#lines,
      startTimeoutMs: this.#settings.startTimeoutMs,
      isMuted: false,
      lineRate: this.#lineRate,
      reportedFunctions: this.#reported,
      onRefusal: (name) => this.#refusals.set(name, (this.#refusals.get(name) ?? 0) + 1),
    });
    const refusal =
      this.#configJson === null ? null : instance.configure(this.#configJson, this.#settings.startTimeoutMs);
    if (refusal !== null) {
      throw new InputError(
        "configuration-refused",
        `the module refuses the configuration: ${refusal.message}`,
        {
          cause: refusal,
        },
      );
    }
    return instance;
  }
}
