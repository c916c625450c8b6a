/**
 * The contract every ABI fulfils: how one kind of guest is asked. The ring knows instances only by this.
 */

import type { GuestEvent } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { GuestHost } from "../wasm/guest-host.ts";
import type { LoadedModule } from "../wasm/load-module.ts";

/** One live guest. Not re-entrant: the next call starts after the last one returned. */
export interface GuestInstance {
  /** After a trap, a missed deadline or a protocol violation: never to be asked again. */
  readonly isBroken: boolean;
  /** Close to a cap that it can only reach once in its life: better replaced now, between two requests. */
  readonly isWorn: boolean;
  /** Bytes of the memory the guest shares with the host. */
  readonly memoryBytes: number;
  /** Units of fuel that the last call used, about one for each instruction; null without limits. */
  readonly fuelUsed: number | null;
  /**
   * Asks the guest. An event it has no handler for is "allow". A call that used little fuel in its time, because the
   * machine is busy, is given `graceMs`.
   *
   * @throws EventFailure and nothing else. `isBroken` then tells whether the instance is lost with it.
   */
  ask(event: GuestEvent, timeoutMs: number, graceMs?: number): Verdict;
  /**
   * Hands the proxy's configuration to the guest, as JSON text. Null accepts, as does a guest that does not listen.
   * A failure (also a trap in the handler) refuses.
   */
  configure(configJson: string, timeoutMs: number): EventFailure | null;
}

/** What an ABI found out about a module, once, when it was loaded. */
export interface GuestFactory {
  readonly abiName: string;
  readonly handlesRequests: boolean;
  readonly handlesResponses: boolean;
  /** What works, but hardly as the author meant it; for the log, once. */
  readonly warnings: readonly string[];
  /**
   * A fresh instance, started (`_initialize`) and ready.
   *
   * @throws ModuleError when the module cannot be instantiated or its start fails.
   */
  instantiate(host: GuestHost): GuestInstance;
}

/** One kind of guest. */
export interface Abi {
  readonly name: string;
  /** Whether the module speaks this ABI at all, by its exports alone. */
  recognises(module: LoadedModule): boolean;
  /** @throws ModuleError naming what the module lacks. */
  prepare(module: LoadedModule): GuestFactory;
}
