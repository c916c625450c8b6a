/**
 * What exchanges are, said as simply as can be: one open exchange for each id, the newest; it ends once. The model knows
 * neither leases nor jobs, and its clock is exact.
 */

import type { EndReason } from "../../src/exchange/end-reason.ts";

export interface ModelExchange {
  /** Unlike the id, no two have the same. */
  readonly serial: number;
  readonly id: string;
  /** What its request announced. */
  readonly contentLength: number | null;
  lastEventAtMs: number;
}

export interface ModelEnd {
  readonly serial: number;
  readonly reason: EndReason;
}

export class ExchangeModel {
  readonly ends: ModelEnd[] = [];
  readonly #maxExchanges: number;
  /** In order of opening. */
  #open: ModelExchange[] = [];
  #opened = 0;

  constructor(maxExchanges: number) {
    this.#maxExchanges = maxExchanges;
  }

  get open(): readonly ModelExchange[] {
    return this.#open;
  }

  get opened(): number {
    return this.#opened;
  }

  request(id: string, contentLength: number | null, nowMs: number): ModelExchange {
    const before = this.#open.find((exchange) => exchange.id === id);
    if (before !== undefined) this.end(before, "superseded");
    const exchange = { serial: this.#opened++, id, contentLength, lastEventAtMs: nowMs };
    this.#open.push(exchange);
    if (this.#open.length > this.#maxExchanges) this.end(this.#open[0]!, "evicted");
    return exchange;
  }

  /** The exchange that a later event belongs to. */
  event(id: string, nowMs: number): ModelExchange | null {
    const exchange = this.#open.find((candidate) => candidate.id === id) ?? null;
    if (exchange !== null) exchange.lastEventAtMs = nowMs;
    return exchange;
  }

  /** Nothing happens to one that has ended. */
  end(exchange: ModelExchange, reason: EndReason): void {
    if (!this.#open.includes(exchange)) return;
    this.#open = this.#open.filter((candidate) => candidate !== exchange);
    this.ends.push({ serial: exchange.serial, reason });
  }
}
