/**
 * A stateless guest as one that keeps an instance for an exchange: what `--isolation per-request` asks for when a guest
 * handles more than one event of a request.
 */

import type {
  GuestContext,
  StatefulFactory,
  StatefulGuest,
  StatelessFactory,
  StatelessGuest,
} from "../abi/contract.ts";
import type { EventFailure } from "../event/failure.ts";
import type { ProxyEvent } from "../event/event.ts";
import type { Verdict } from "../event/verdict.ts";
import type { GuestHost } from "../wasm/guest-host.ts";

export class PerExchangeFactory implements StatefulFactory {
  readonly isStateful = true;
  readonly sharesInstance = false;
  readonly #factory: StatelessFactory;
  #wantsRequest = false;

  constructor(factory: StatelessFactory) {
    this.#factory = factory;
  }

  get abiName(): StatefulFactory["abiName"] {
    return this.#factory.abiName;
  }

  get handles(): StatefulFactory["handles"] {
    return this.#factory.handles;
  }

  get takesConfiguration(): boolean {
    return this.#factory.takesConfiguration;
  }

  get warnings(): readonly string[] {
    return this.#factory.warnings;
  }

  /** What the guest said when its last instance was made. */
  get wantsRequest(): boolean {
    return this.#wantsRequest;
  }

  instantiate(host: GuestHost): StatefulGuest {
    const guest = this.#factory.instantiate(host);
    this.#wantsRequest = guest.wantsRequest;
    return new PerExchangeGuest(guest);
  }
}

class PerExchangeGuest implements StatefulGuest, GuestContext {
  readonly #guest: StatelessGuest;

  constructor(guest: StatelessGuest) {
    this.#guest = guest;
  }

  get isBroken(): boolean {
    return this.#guest.isBroken;
  }

  get isDueForRecycling(): boolean {
    return this.#guest.isDueForRecycling;
  }

  get memoryBytes(): number {
    return this.#guest.memoryBytes;
  }

  get fuelUsed(): number | null {
    return this.#guest.fuelUsed;
  }

  configure(configJson: string, timeoutMs: number): EventFailure | null {
    return this.#guest.configure(configJson, timeoutMs);
  }

  close(): void {
    this.#guest.close();
  }

  open(): GuestContext {
    return this;
  }

  call(event: ProxyEvent, timeoutMs: number, spentMs = 0): Verdict {
    return this.#guest.call(event, timeoutMs, 0, spentMs);
  }

  end(): void {
    // The guest is not told: it sees events alone.
  }
}
