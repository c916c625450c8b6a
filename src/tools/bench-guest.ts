/**
 * A guest that is called without a socket and measured: what check, call, replay and the playground ask. Events go
 * through the dispatcher of the serving agent, so that exchanges, the request in later events, the truncation of bodies
 * and the rules for verdicts are what they are when a proxy asks. An instance that broke is replaced before the next
 * event.
 */

import { DEFAULT_HTTP_WASM } from "../abi/abi-options.ts";
import { makeRecipe, type PreparedGuest, prepareGuest } from "../abi/guest-recipe.ts";
import { GuestConfig } from "../agent/guest-config.ts";
import { readPolicyOptions } from "../agent/policy-settings.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { ProxyEvent } from "../event/event.ts";
import type { EventSource } from "../event/event-sink.ts";
import type { EventFailure } from "../event/failure.ts";
import { type EventObserver, EventObservers } from "../event/observer.ts";
import type { PeerTraits } from "../event/peer.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import { ExchangeTable } from "../exchange/exchange-table.ts";
import type { Log } from "../telemetry/log.ts";
import { LoopMetrics } from "../telemetry/metrics/loop-metrics.ts";
import { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { Outcome } from "../telemetry/recording/outcome-json.ts";
import { BenchRing } from "./bench-ring.ts";
import { type GuestLine, GuestLines } from "./guest-lines.ts";
import type { GuestSettings } from "./guest-settings.ts";

export interface Answer {
  readonly outcome: Outcome;
  /** False when the event is allowed without the guest: no handler, or a response before the real one (1xx). */
  readonly isCalled: boolean;
  /** From the event to the verdict: encoding, the guest, its pauses, decoding. */
  readonly us: number;
  /** Units, about one for each instruction; null without limits. */
  readonly fuel: number | null;
  /** Of the instance after the call. */
  readonly memoryBytes: number;
}

/** The current proxy (docs/agent-protocol.md 1.5). */
const PEER: PeerTraits = { keepsResponseOps: true, hasResponseEvents: true, replacesBodies: true };
/** Exchanges that a recording leaves open. */
const MAX_EXCHANGES = 1024;
/** A command waits for nobody: exchanges end by their events, by a newer one with the same id, or by `endExchanges`. */
const EXCHANGE_TIMEOUT_MS = 3_600_000;

export class BenchGuest {
  readonly prepared: PreparedGuest;
  readonly #lines = new GuestLines();
  readonly #exchanges = new ExchangeTable({
    maxExchanges: MAX_EXCHANGES,
    timeoutMs: EXCHANGE_TIMEOUT_MS,
  });
  readonly #ring: BenchRing;
  readonly #dispatcher: Dispatcher;
  readonly #settled = new SettledEvent();
  readonly #metrics = new LoopMetrics([]);
  #refusals = new Map<string, number>();

  /** As `open`, with a guest that is loaded already. */
  constructor(prepared: PreparedGuest, settings: GuestSettings, configJson: string | null = null) {
    this.prepared = prepared;
    this.#ring = new BenchRing({
      factory: prepared.factory,
      settings,
      configJson,
      lines: this.#lines,
      onRefusal: (name) => this.#refusals.set(name, (this.#refusals.get(name) ?? 0) + 1),
    });
    this.#dispatcher = new Dispatcher(this.#ring, {
      log: remarksOf(this.#lines),
      failOpen: false,
      exchanges: this.#exchanges,
      metrics: this.#metrics,
      moduleMetrics: new ModuleMetrics(),
      configure: () => ({ accepted: true }),
      subscribed: settings.events === null ? null : new Set(settings.events),
      observers: new EventObservers([this.#settled]),
    });
  }

  /**
   * @param config the operator's file, or the JSON text that a proxy would push; null for nothing
   * @throws ModuleError when the module cannot be used, InputError when it refuses the configuration or cannot take it
   */
  static async open(
    moduleBytes: Uint8Array<ArrayBuffer>,
    settings: GuestSettings,
    config: GuestConfig | string | null = null,
  ): Promise<BenchGuest> {
    const file = config instanceof GuestConfig ? config.file : null;
    const others = {
      httpWasm: { ...DEFAULT_HTTP_WASM, onUnsupported: settings.onUnsupported, configuration: file },
      opa: await readPolicyOptions(settings, settings.events),
    };
    const prepared = await prepareGuest(makeRecipe(moduleBytes, settings, others));
    const configJson = config instanceof GuestConfig ? config.jsonFor(prepared.factory, file) : config;
    return new BenchGuest(prepared, settings, configJson);
  }

  get memoryBytes(): number {
    return this.#ring.instance.memoryBytes;
  }

  /** After a failure: whether the next event goes to a fresh instance. */
  get isBroken(): boolean {
    return this.#ring.instance.isBroken;
  }

  handles({ kind }: Pick<ProxyEvent, "kind">): boolean {
    return this.prepared.factory.handles.has(kind);
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

  /**
   * One event after the other: the next one only when this one is settled. Events with the same correlation id belong to
   * one exchange, which its request headers begin. A guest that pauses is waited for, as long as its deadline allows.
   *
   * @throws ModuleError when the instance is broken and no other can be made.
   */
  async call(event: ProxyEvent): Promise<Answer> {
    this.#ring.replaceIfBroken();
    const asked = this.#ring.wantsRequest ? event : withoutRequest(event);
    this.#settled.begin();
    const startedAtMs = performance.now();
    const pending = this.#dispatcher.handle(asked, this.#settled);
    if (pending !== null) await this.#settled.done;
    const us = (performance.now() - startedAtMs) * 1000;
    const { outcome, isCalled } = this.#settled;
    const { fuelUsed, memoryBytes } = this.#ring.instance;
    return { outcome, isCalled, us, fuel: isCalled || fuelUsed === null ? fuelUsed : 0, memoryBytes };
  }

  /** The open exchanges end, as after the last event of each: a guest that keeps state for them is told. */
  endExchanges(): void {
    this.#exchanges.endAll("finished");
  }
}

/** What became of the event that was handed over last. */
class SettledEvent implements EventSource, EventObserver {
  readonly peer = PEER;
  outcome: Outcome = PLAIN_ALLOW;
  isCalled = false;
  #done = Promise.withResolvers<void>();

  /** Resolves with the verdict. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  begin(): void {
    this.outcome = PLAIN_ALLOW;
    this.isCalled = false;
    this.#done = Promise.withResolvers();
  }

  /** Without a word of the guest, or just before `onSettled`. */
  answer(_event: ProxyEvent, verdict: Verdict): void {
    this.outcome = verdict;
    this.#done.resolve();
  }

  onSettled(_event: ProxyEvent, verdict: Verdict, _us: number, failure: EventFailure | null): void {
    this.outcome = failure ?? verdict;
    this.isCalled = true;
  }
}

/** A recorded event keeps what another module was given. */
function withoutRequest(event: ProxyEvent): ProxyEvent {
  if (event.kind === "request-headers" || event.request === undefined) return event;
  const { request: _request, ...rest } = event;
  return rest as ProxyEvent;
}

/** Of the dispatcher's lines only warnings about the module: its failures are outcomes here. */
function remarksOf(lines: GuestLines): Log {
  return {
    debugEnabled: false,
    error: () => {},
    warn: (message, fields) => lines.warn(message, fields),
    info: () => {},
    debug: () => {},
  };
}
