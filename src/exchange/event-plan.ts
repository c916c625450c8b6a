/**
 * When an exchange is over: no proxy says so, but from the events that can still come it can be told. What is only
 * probable is left to the table's timeout.
 */

import type { EventKind, ProxyEvent, ResponseHeadersEvent } from "../event/event.ts";
import type { Exchange } from "./exchange.ts";

const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** A response before the real one, such as 100 or 103. The answer to an upgrade is a real one. */
export function isInterim(status: number): boolean {
  return status < 200 && status !== SWITCHING_PROTOCOLS;
}

export class EventPlan {
  readonly #expected: ReadonlySet<EventKind>;
  readonly #handled: ReadonlySet<EventKind>;
  readonly #subscribed: ReadonlySet<EventKind> | null;
  readonly #seen: ReadonlySet<EventKind>;

  /**
   * @param handled what the guest has handlers for
   * @param subscribed what the proxy sends, as the operator says; null when nobody knows
   * @param seen what the proxy has sent so far; may grow
   */
  constructor(
    handled: ReadonlySet<EventKind>,
    subscribed: ReadonlySet<EventKind> | null,
    seen: ReadonlySet<EventKind>,
  ) {
    this.#expected =
      subscribed === null ? handled : new Set([...handled].filter((kind) => subscribed.has(kind)));
    this.#handled = handled;
    this.#subscribed = subscribed;
    this.#seen = seen;
  }

  /** It may come: what nobody knows counts as subscribed. */
  expects(kind: EventKind): boolean {
    return this.#expected.has(kind);
  }

  /** Whether the guest can rely on an event with the body of this request. */
  requestBodyFollows(exchange: Exchange): boolean {
    return this.#isKnown("request-body-chunk") && hasRequestBody(exchange);
  }

  /** The same for a response. */
  responseBodyFollows(event: ResponseHeadersEvent, exchange: Exchange): boolean {
    return this.#isKnown("response-body-chunk") && hasResponseBody(event, exchange);
  }

  /**
   * Whether nothing can follow this event in its exchange, after a verdict that lets it go on.
   *
   * @param hasResponseEvents the protocol has events about responses
   */
  isLast(event: ProxyEvent, exchange: Exchange, hasResponseEvents: boolean): boolean {
    const expectsResponse = hasResponseEvents && this.#expectsResponse;
    switch (event.kind) {
      case "request-headers":
        return !expectsResponse && !(this.expects("request-body-chunk") && hasRequestBody(exchange));
      case "request-body-chunk":
        return !expectsResponse && event.isLast;
      case "response-headers":
        return this.#endsWithHeaders(event, exchange);
      case "response-body-chunk":
        return event.isLast;
      case "request-complete":
        return true;
      case "websocket-frame":
      case "guardrail-inspect":
        return false;
      default:
        return event satisfies never;
    }
  }

  /** It comes: as the operator says, or because others of its kind came. */
  #isKnown(kind: EventKind): boolean {
    return this.#handled.has(kind) && (this.#subscribed?.has(kind) === true || this.#seen.has(kind));
  }

  get #expectsResponse(): boolean {
    return (
      this.expects("response-headers") ||
      this.expects("response-body-chunk") ||
      this.expects("websocket-frame") ||
      this.expects("request-complete")
    );
  }

  #endsWithHeaders(event: ResponseHeadersEvent, exchange: Exchange): boolean {
    const status = event.status;
    if (isInterim(status) || this.expects("request-complete")) return false;
    if (status === SWITCHING_PROTOCOLS) return !this.expects("websocket-frame");
    return !this.expects("response-body-chunk") || !hasResponseBody(event, exchange);
  }
}

/** Over HTTP/2 a body need not be announced, so any method that may have one counts. */
function hasRequestBody(exchange: Exchange): boolean {
  const framing = exchange.framing;
  if (framing === null) return true;
  if (framing.transferEncoding !== null) return true;
  if (framing.contentLength !== null) return framing.contentLength !== "0";
  return framing.method !== "GET" && framing.method !== "HEAD";
}

function hasResponseBody({ status, headers }: ResponseHeadersEvent, exchange: Exchange): boolean {
  if (status === SWITCHING_PROTOCOLS || status === NO_CONTENT || status === NOT_MODIFIED) return false;
  if (exchange.framing?.method === "HEAD") return false;
  return headers["content-length"]?.[0] !== "0";
}
