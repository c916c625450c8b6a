/**
 * All open exchanges of one event loop, by correlation id. The id is the client's choice and may repeat: the newest
 * request with an id is the one that later events belong to, and the older exchange ends.
 *
 * Nobody announces the end of a request, so memory is bounded by count, by size and by time without an event.
 */

import type { RetainedRequest } from "../event/retained-request.ts";
import type { EndReason } from "./end-reason.ts";
import { Exchange } from "./exchange.ts";

export interface ExchangeTableOptions {
  readonly maxExchanges: number;
  /** An exchange ends when no event came for this long. */
  readonly timeoutMs: number;
  readonly now?: () => number;
}

export interface ExchangeCounters {
  opened: number;
  readonly ended: Record<EndReason, number>;
}

/** An exchange as plain JSON. Its time without an event begins anew. */
export type SavedExchange = Pick<Exchange, "correlationId" | "request" | "deferredOps" | "requestBody">;

/** Ids that are longer cost more than they are worth: such an exchange is not kept. */
export const MAX_ID_UNITS = 256;
/** All exchanges together, in characters. */
const MAX_TOTAL_UNITS = 64 * 1024 * 1024;
/** How exact the time without an event is: the clock is read so often and not for every event. */
const MAX_TICK_MS = 1000;

export class ExchangeTable {
  readonly counters: ExchangeCounters = {
    opened: 0,
    ended: { finished: 0, superseded: 0, idle: 0, evicted: 0, closed: 0 },
  };
  /** In order of opening, so the oldest comes first. */
  readonly #exchanges = new Map<string, Exchange>();
  readonly #options: ExchangeTableOptions;
  readonly #now: () => number;
  #totalUnits = 0;
  #nowMs: number;
  #tick: ReturnType<typeof setTimeout> | null = null;

  constructor(options: ExchangeTableOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#nowMs = this.#now();
  }

  get size(): number {
    return this.#exchanges.size;
  }

  /** Null for an id without an open exchange. Counts as an event of it. */
  find(correlationId: string): Exchange | null {
    const exchange = this.#exchanges.get(correlationId);
    if (exchange === undefined) return null;
    exchange.lastEventAtMs = this.#nowMs;
    return exchange;
  }

  /** Opens an exchange; an older one with the same id ends. Null when the id is too long to be kept. */
  open(correlationId: string, request: RetainedRequest | null): Exchange | null {
    this.supersede(correlationId);
    if (correlationId.length > MAX_ID_UNITS) return null;
    if (this.#exchanges.size === 0) this.#nowMs = this.#now();
    const exchange = new Exchange(correlationId, request, this.#nowMs);
    this.#exchanges.set(correlationId, exchange);
    this.counters.opened++;
    this.account(exchange);
    this.#tick ??= this.#tickLater();
    return exchange;
  }

  /** A new request has this id: what is kept of an older one must not reach its events. */
  supersede(correlationId: string): void {
    const before = this.#exchanges.get(correlationId);
    if (before !== undefined) this.end(before, "superseded");
  }

  /** What an exchange keeps has changed. May end the oldest ones, this one excepted. */
  account(exchange: Exchange): void {
    if (exchange.isEnded) return;
    const units = exchange.countUnits();
    this.#totalUnits += units - exchange.accountedUnits;
    exchange.accountedUnits = units;
    for (const [, oldest] of this.#exchanges) {
      const fits = this.#exchanges.size <= this.#options.maxExchanges && this.#totalUnits <= MAX_TOTAL_UNITS;
      if (fits || oldest === exchange) return;
      this.end(oldest, "evicted");
    }
  }

  /** Ends an exchange; does nothing if it has ended. */
  end(exchange: Exchange, reason: EndReason): void {
    if (exchange.isEnded) return;
    exchange.isEnded = true;
    this.#exchanges.delete(exchange.correlationId);
    this.#totalUnits -= exchange.accountedUnits;
    this.counters.ended[reason]++;
    exchange.lease?.end(reason);
  }

  /**
   * All that no instance holds state for, oldest first: another process can go on with them. Those with a lease cannot
   * go on elsewhere; their later events are of an exchange that is not known there.
   */
  save(): SavedExchange[] {
    const saved: SavedExchange[] = [];
    for (const { correlationId, request, deferredOps, requestBody, lease } of this.#exchanges.values()) {
      if (lease === null) saved.push({ correlationId, request, deferredOps, requestBody });
    }
    return saved;
  }

  restore(saved: readonly SavedExchange[]): void {
    for (const { correlationId, request, deferredOps, requestBody } of saved) {
      const exchange = this.open(correlationId, request);
      if (exchange === null) continue;
      exchange.deferredOps = deferredOps;
      Object.assign(exchange.requestBody, requestBody);
      this.account(exchange);
    }
  }

  /** Ends all, because the guest that holds their state goes. */
  endAll(reason: EndReason): void {
    for (const exchange of [...this.#exchanges.values()]) this.end(exchange, reason);
    if (this.#tick !== null) clearTimeout(this.#tick);
    this.#tick = null;
  }

  #tickLater(): ReturnType<typeof setTimeout> {
    const tickMs = Math.max(1, Math.min(MAX_TICK_MS, this.#options.timeoutMs / 4));
    const timer = setTimeout(() => this.#onTick(), tickMs);
    // A process that waits for nothing else may end.
    timer.unref();
    return timer;
  }

  #onTick(): void {
    this.#nowMs = this.#now();
    for (const exchange of [...this.#exchanges.values()]) {
      if (this.#nowMs - exchange.lastEventAtMs >= this.#options.timeoutMs) this.end(exchange, "idle");
    }
    this.#tick = this.#exchanges.size > 0 ? this.#tickLater() : null;
  }
}
