/**
 * A guest of the playground's own, beside the one that serves: asking it disturbs no counter or cache of the other.
 * It keeps its memory from one event to the next, as guests do.
 */

import { warmUp } from "../../agent/warm-up.ts";
import { InputError } from "../../event/input-error.ts";
import { type Answer, BenchGuest } from "../bench-guest.ts";
import { GuestLines } from "../guest-lines.ts";
import type { GuestSettings } from "../guest-settings.ts";
import { failVerdict } from "../../dispatch/failure-policy.ts";
import type { EventKind, ProxyEvent } from "../../event/event.ts";
import { EventFailure } from "../../event/failure.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { outcomeOf } from "./outcome.ts";
import type { Outcome } from "./page-messages.ts";

export interface TrialSettings extends GuestSettings {
  readonly failOpen: boolean;
}

export class TrialGuest {
  readonly #moduleBytes: Uint8Array<ArrayBuffer>;
  readonly #settings: TrialSettings;
  #guest: BenchGuest;
  #config = "";

  private constructor(moduleBytes: Uint8Array<ArrayBuffer>, settings: TrialSettings, guest: BenchGuest) {
    this.#moduleBytes = moduleBytes;
    this.#settings = settings;
    this.#guest = guest;
  }

  /** @throws ModuleError when the module cannot be used. */
  static async open(moduleBytes: Uint8Array<ArrayBuffer>, settings: TrialSettings): Promise<TrialGuest> {
    return new TrialGuest(moduleBytes, settings, await openGuest(moduleBytes, settings, ""));
  }

  get sha256(): string {
    return this.#guest.prepared.module.sha256;
  }

  get sizeBytes(): number {
    return this.#moduleBytes.length;
  }

  get handles(): ReadonlySet<EventKind> {
    return this.#guest.prepared.factory.handles;
  }

  /**
   * The outcome of the last event of an exchange, or of the first one that is refused: a proxy sends none after it. The
   * failure policy decides on what fails, as it would for a proxy. Another configuration makes another guest; an empty
   * one configures nothing.
   */
  async ask(exchange: readonly ProxyEvent[], config: string): Promise<Outcome> {
    const [first, ...later] = exchange;
    if (first === undefined) throw new Error("an exchange has at least one event");
    let outcome = await this.#ask(first, config);
    for (const event of later) if (outcome.decision === "allow") outcome = await this.#ask(event, config);
    // A guest with a context may write when its exchange ends.
    this.#guest.endExchanges();
    return { ...outcome, log: [...outcome.log, ...this.#guest.takeLines()] };
  }

  async #ask(event: ProxyEvent, config: string): Promise<Outcome> {
    const answer = await this.#answer(event, config);
    const failure = answer.outcome instanceof EventFailure ? answer.outcome : null;
    const verdict =
      answer.outcome instanceof EventFailure
        ? failVerdict(answer.outcome, this.#settings.failOpen, event.kind)
        : answer.outcome;
    return outcomeOf({
      event,
      isCalled: answer.isCalled || failure !== null,
      verdict,
      failure,
      us: answer.us,
      fuel: answer.fuel,
      memoryBytes: answer.memoryBytes,
      log: this.#guest.takeLines(),
      sha256: this.sha256,
    });
  }

  async #answer(event: ProxyEvent, config: string): Promise<Answer> {
    try {
      if (config.trim() !== this.#config) {
        this.#guest = await openGuest(this.#moduleBytes, this.#settings, config.trim());
        this.#config = config.trim();
      }
      return await this.#guest.call(event);
    } catch (error) {
      const { memoryBytes } = this.#guest;
      return { outcome: toFailure(error), isCalled: false, us: 0, fuel: null, memoryBytes };
    }
  }
}

async function openGuest(
  bytes: Uint8Array<ArrayBuffer>,
  settings: TrialSettings,
  config: string,
): Promise<BenchGuest> {
  const configJson = config === "" ? null : config;
  const guest = await BenchGuest.open(bytes, settings, configJson);
  // Cold code would show times that no proxy ever sees.
  warmUp(guest.prepared.factory, { ...settings, configJson, log: new GuestLines() });
  return guest;
}

/** @throws what is no fault of the module. */
function toFailure(error: unknown): EventFailure {
  if (error instanceof EventFailure) return error;
  if (error instanceof InputError) {
    return new EventFailure("guest-configuration-refused", error.message, { cause: error });
  }
  if (error instanceof ModuleError)
    return new EventFailure("guest-no-instance", error.message, { cause: error });
  throw error;
}
