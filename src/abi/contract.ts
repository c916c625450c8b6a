/**
 * The contract that every ABI fulfils: how one kind of guest is called. The ring knows instances by this alone.
 *
 * A stateless guest gets each event by itself, in whatever instance is free. A stateful guest keeps a context from the
 * request headers of an exchange to its end, so all events of the exchange go to the instance that holds it.
 */

import type { EventKind, ProxyEvent } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { EndReason } from "../exchange/end-reason.ts";
import type { Grants } from "../host/grants.ts";
import type { GuestHost } from "../wasm/guest-host.ts";
import type { LoadedModule } from "../wasm/load-module.ts";
import type { AbiName, AbiOptions } from "./abi-options.ts";
import type { PolicyBundle } from "./opa/opa-options.ts";

/** What every live guest has. Not re-entrant: the next call starts after the last one returned. */
export interface GuestInstance {
  /** After a trap, a missed deadline or a violation of the ABI: never to be called again. */
  readonly isBroken: boolean;
  /** Close to a cap that it can only reach once in its life: better replaced now, between two events. */
  readonly isDueForRecycling: boolean;
  /** Bytes of the memory the guest shares with the host. */
  readonly memoryBytes: number;
  /** Units of fuel that the last call used, about one for each instruction; null without limits. */
  readonly fuelUsed: number | null;
  /**
   * Hands the configuration to the guest, as JSON text. Null accepts, as does a guest that takes none. A failure (also
   * a trap in the handler) refuses.
   */
  configure(configJson: string, timeoutMs: number): EventFailure | null;
  /** The instance is not used any more: its timers and call-outs end. Calls nothing of the guest. */
  close(): void;
}

export interface StatelessGuest extends GuestInstance {
  /** Later events should carry the request of their exchange. */
  readonly wantsRequest: boolean;
  /**
   * Calls the guest. An event it has no handler for is "allow". A call that used little fuel in its time, because the
   * machine is busy, is given `graceMs`. `spentMs` of the event's time are gone already.
   *
   * @throws EventFailure and nothing else. `isBroken` then tells whether the instance is lost with it.
   */
  call(event: ProxyEvent, timeoutMs: number, graceMs?: number, spentMs?: number): Verdict;
}

export interface StatefulGuest extends GuestInstance {
  /** A context for one exchange. Runs nothing of the guest: that begins with the first event. */
  open(): GuestContext;
}

/** The state of a stateful guest for one exchange. */
export interface GuestContext {
  /**
   * Nothing of the guest runs any more for this exchange: further calls answer by themselves, and `end` does nothing. So
   * an instance that serves one exchange at a time may serve another. Absent counts as false.
   */
  readonly isDone?: boolean;
  /**
   * Calls the guest. A guest that pauses gives a promise, which resolves when it goes on; other events of the same
   * exchange, and of others, may be handed over meanwhile. `timeoutMs` bounds each call into the guest, of which
   * `spentMs` are gone already; the pause is bounded by the ring, which calls `end` when it is too long.
   *
   * @throws EventFailure, and rejects with nothing else. `isBroken` of the instance then tells whether it is lost.
   */
  call(event: ProxyEvent, timeoutMs: number, spentMs?: number): Verdict | Promise<Verdict>;
  /**
   * The exchange has ended: the guest's own end runs (`proxy_on_log`, `handle_response` with an error), bounded by
   * `timeoutMs`, and the context is freed. A pause that is open is rejected. Called once; never throws.
   */
  end(reason: EndReason, timeoutMs: number): void;
}

/** What a stateful instance is given beside. */
export interface StatefulHost extends GuestHost {
  /** For each call that the instance makes without an event, in timers of its own. Absent: as long as its start. */
  readonly timeoutMs?: number;
  /** Absent: as if the operator had granted nothing, with data that is shared with nobody. */
  readonly grants?: Grants;
}

interface FactoryBase {
  readonly abiName: AbiName;
  /** Events that the guest has a handler for. All others are answered with "allow" and never reach it. */
  readonly handles: ReadonlySet<EventKind>;
  /** Whether `configure` reaches the guest; otherwise every configuration is accepted and means nothing to it. */
  readonly takesConfiguration: boolean;
  /**
   * Its guests read the operator's file as it is, whatever it holds (`AbiOptions`); `configure` hands over only what a
   * proxy has pushed. Absent counts as false.
   */
  readonly readsConfigurationFile?: boolean;
  /** What works, but hardly as the author meant it; for the log, once. */
  readonly warnings: readonly string[];
}

export interface StatelessFactory extends FactoryBase {
  readonly isStateful: false;
  /**
   * A fresh instance, started (`_initialize`) and ready.
   *
   * @throws ModuleError when the module cannot be instantiated or its start fails.
   */
  instantiate(host: GuestHost): StatelessGuest;
}

export interface StatefulFactory extends FactoryBase {
  readonly isStateful: true;
  /** One instance serves many exchanges at the same time. False: an instance serves one after the other. */
  readonly sharesInstance: boolean;
  /** As that of a stateless factory. */
  instantiate(host: StatefulHost): StatefulGuest;
}

/** What an ABI found out about a module, once, when it was loaded. */
export type GuestFactory = StatelessFactory | StatefulFactory;

/** What a module shows of itself without being run. */
export type ModuleSurface = Pick<LoadedModule, "exportTypes" | "imports">;

/** One kind of guest. */
export interface Abi {
  readonly name: AbiName;
  /** Whether the module speaks this ABI at all, by its imports and exports alone. */
  recognises(module: ModuleSurface): boolean;
  /**
   * @param bundle what came with the module, for an ABI whose modules come in bundles
   * @throws ModuleError naming what the module lacks.
   */
  prepare(
    module: LoadedModule,
    options: AbiOptions,
    bundle: PolicyBundle | null,
  ): GuestFactory | Promise<GuestFactory>;
}
