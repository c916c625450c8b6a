/**
 * The way into a guest: the deadline and the fuel of its calls, and what becomes of a failure. A guest that has failed is
 * never called again, since its state cannot be trusted.
 */

import { assertEndedWell, assertInTime } from "../../wasm/call-end.ts";
import { EventFailure } from "../../event/failure.ts";
import type { StartedInstance } from "../../wasm/start-instance.ts";
import { toEventFailure } from "../../wasm/trap.ts";
import type { HttpStream } from "./http-stream.ts";
import type { PluginState } from "./plugin-state.ts";

export class GuestCalls {
  readonly #started: StartedInstance;
  readonly #state: PluginState;
  readonly #onBroken: () => void;
  #isBroken = false;

  /** `onBroken` is called once, when the guest has failed. */
  constructor(started: StartedInstance, state: PluginState, onBroken: () => void) {
    this.#started = started;
    this.#state = state;
    this.#onBroken = onBroken;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Of the calls since `begin`, about one unit for each instruction; null without limits. */
  get fuelUsed(): number | null {
    return this.#started.fuel.used;
  }

  /**
   * One or more callbacks follow, for a stream or (null) for the root context. They share the time, of which `spentMs` are
   * gone already.
   */
  begin(stream: HttpStream | null, timeoutMs: number, spentMs = 0): void {
    this.#started.deadline.arm(timeoutMs, 0, spentMs);
    this.#started.fuel.fill();
    this.#state.enter(stream);
  }

  /** After each callback: a guest can return although it was stopped, or when its time was up. */
  assertEndedWell(name: string): void {
    assertEndedWell(this.#started, name);
    assertInTime(this.#started, name);
  }

  /** After the last callback, also when it failed. */
  finish(): void {
    this.#state.leave();
    this.#started.imports.output.flush();
  }

  /** What a callback threw, as a failure that costs the instance. */
  fail(thrown: unknown, name: string): EventFailure {
    const { imports, deadline } = this.#started;
    const failure = toEventFailure(thrown, imports.fatal, deadline, name);
    const isFirst = !this.#isBroken;
    this.#isBroken = true;
    if (isFirst) this.#onBroken();
    return failure.restated(failure.code, { fuel_slices: deadline.slices });
  }

  /** For a callback that cannot be made, because the guest has failed in another one. */
  lost(): EventFailure {
    return new EventFailure("exchange-lost", "the instance that held the state of this exchange has failed");
  }
}
