/**
 * Response-header operations that a guest gave while answering *request* headers. Proxies up to 0.6.50 drop them there
 * (docs/agent-protocol.md), so they are kept with the exchange and added to the answer to the response headers. The two
 * events of one request arrive on different connections.
 */

import type { RequestHeadersEvent } from "../event/event.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../event/header-ops.ts";
import type { PeerTraits } from "../event/peer.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { type ExchangeTable, MAX_ID_UNITS } from "../exchange/exchange-table.ts";
import type { Log } from "../telemetry/log.ts";

const MAX_OPS = 64;
const MAX_OPS_UNITS = 16 * 1024;

export class DeferredOps {
  readonly #exchanges: ExchangeTable;
  readonly #log: Log;
  #hasWarned = false;

  constructor(exchanges: ExchangeTable, log: Log) {
    this.#exchanges = exchanges;
    this.#log = log;
  }

  /** Keeps the operations of an answer to request headers, if the proxy does not do so itself. */
  keep(event: RequestHeadersEvent, peer: PeerTraits, exchange: Exchange | null, verdict: Verdict): void {
    const ops = verdict.responseHeaders;
    if (peer.keepsResponseOps || ops.length === 0 || verdict.decision.kind !== "allow") return;
    if (!peer.hasResponseEvents) {
      this.#warn("protocol v1 has no response events");
    } else if (ops.length > MAX_OPS || unitsOf(ops) > MAX_OPS_UNITS) {
      this.#warn("they are too many or too long to keep until the response comes");
    } else {
      const keeper = exchange ?? this.#exchanges.open(event.correlationId, null);
      if (keeper === null) {
        this.#warn(`the correlation id has more than ${MAX_ID_UNITS} characters`);
        return;
      }
      keeper.deferredOps = ops;
      this.#exchanges.account(keeper);
    }
  }

  /** Takes them out for the response: first those of the request phase, as newer proxies apply them. */
  addTo(verdict: Verdict, exchange: Exchange): Verdict {
    const ops = exchange.deferredOps;
    if (ops.length === 0) return verdict;
    exchange.deferredOps = NO_HEADER_OPS;
    this.#exchanges.account(exchange);
    return { ...verdict, responseHeaders: [...ops, ...verdict.responseHeaders] };
  }

  #warn(reason: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#log.warn(
      "response headers set while answering request headers cannot reach the client (said once)",
      { reason },
    );
  }
}

function unitsOf(ops: readonly HeaderOp[]): number {
  let units = 0;
  for (const op of ops) units += op.name.length + (op.op === "remove" ? 0 : op.value.length);
  return units;
}
