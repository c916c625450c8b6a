/**
 * The request of an exchange, as it is kept for the exchange's later events: the event itself, or where that would
 * first have to be decoded, the JSON that guests read. Plain values, so it can be sent to other threads.
 */

import type { RequestHeadersEvent } from "./event.ts";

export type RetainedRequest = RequestHeadersEvent | RequestText;

export interface RequestText {
  readonly kind: "request-text";
  /** ASCII JSON of one object: `method`, `uri`, `client_ip`, `correlation_id`, `headers` (joined) and `route_id`. */
  readonly json: string;
}

/** What the body's handling depends on; values as the client sent them, null for what it did not send. */
export interface RequestFraming {
  readonly method: string;
  readonly contentLength: string | null;
  readonly transferEncoding: string | null;
}

export function readFraming(request: RetainedRequest): RequestFraming {
  if (request.kind === "request-headers") {
    return {
      method: request.method,
      contentLength: joined(request.headers["content-length"]),
      transferEncoding: joined(request.headers["transfer-encoding"]),
    };
  }
  const { method, headers } = JSON.parse(request.json) as {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  return {
    method,
    contentLength: headers["content-length"] ?? null,
    transferEncoding: headers["transfer-encoding"] ?? null,
  };
}

/** Approximate memory of it, in characters. */
export function unitsOf(request: RetainedRequest): number {
  if (request.kind === "request-text") return request.json.length;
  let units = request.uri.length;
  for (const name in request.headers) {
    units += name.length;
    for (const value of request.headers[name]!) units += value.length;
  }
  return units;
}

function joined(values: readonly string[] | undefined): string | null {
  return values === undefined ? null : values.join(", ");
}
