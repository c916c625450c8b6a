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

export function perExchange(factory: StatelessFactory): StatefulFactory {
  return {
    abiName: factory.abiName,
    handles: factory.handles,
    warnings: factory.warnings,
    isStateful: true,
    sharesInstance: false,
    instantiate: (host: GuestHost) => new PerExchangeGuest(factory.instantiate(host)),
  };
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

  call(event: ProxyEvent, timeoutMs: number): Verdict {
    return this.#guest.call(event, timeoutMs);
  }

  end(): void {
    // The guest is not told: it sees events alone.
  }
}
