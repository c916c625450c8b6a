/**
 * The header maps of requests and responses as filters know them from Envoy: pseudo-headers first, names in lower case,
 * the host as `:authority` (docs/proxy-wasm.md 5).
 */

import type {
  HeaderMap as EventHeaders,
  RequestHeadersEvent,
  ResponseHeadersEvent,
} from "../../event/event.ts";
import type { HeaderSource } from "./header-map.ts";

const AUTHORITY = ":authority";
const HOST = "host";
const REQUEST_PSEUDO_HEADERS = 4;
const RESPONSE_PSEUDO_HEADERS = 1;

export class RequestHeaders implements HeaderSource {
  readonly #event: RequestHeadersEvent;

  constructor(event: RequestHeadersEvent) {
    this.#event = event;
  }

  get pairCount(): number {
    return REQUEST_PSEUDO_HEADERS + countPairs(this.#event.headers, HOST);
  }

  readPairs(): { readonly names: string[]; readonly values: string[] } {
    const { method, uri, headers } = this.#event;
    const names = [AUTHORITY, ":path", ":method", ":scheme"];
    const values = [hostOf(this.#event), uri, method, schemeOf(this.#event)];
    appendPairs(headers, HOST, names, values);
    return { names, values };
  }

  keyOf(name: string): string {
    const key = name.toLowerCase();
    return key === HOST ? AUTHORITY : key;
  }

  carrierOf(pseudoHeader: string): string | null {
    return pseudoHeader === AUTHORITY ? HOST : null;
  }
}

export class ResponseHeaders implements HeaderSource {
  readonly #event: ResponseHeadersEvent;

  constructor(event: ResponseHeadersEvent) {
    this.#event = event;
  }

  get pairCount(): number {
    return RESPONSE_PSEUDO_HEADERS + countPairs(this.#event.headers, "");
  }

  readPairs(): { readonly names: string[]; readonly values: string[] } {
    const names = [":status"];
    const values = [String(this.#event.status)];
    appendPairs(this.#event.headers, "", names, values);
    return { names, values };
  }

  keyOf(name: string): string {
    return name.toLowerCase();
  }

  carrierOf(): null {
    return null;
  }
}

export function hostOf({ headers, metadata }: RequestHeadersEvent): string {
  return firstValue(headers, HOST) ?? metadata.serverName ?? "";
}

/** Proxies tell it in a header alone. */
export function schemeOf({ headers, metadata }: RequestHeadersEvent): "http" | "https" {
  const forwarded = firstValue(headers, "x-forwarded-proto");
  return forwarded === "https" || metadata.tlsVersion !== null ? "https" : "http";
}

/** Undefined for a header that is not there. `name` in lower case; the proxy's spelling may differ. */
export function firstValue(headers: EventHeaders, name: string): string | undefined {
  if (Object.hasOwn(headers, name)) return headers[name]![0];
  for (const key in headers) {
    if (key.length === name.length && key.toLowerCase() === name) return headers[key]![0];
  }
  return undefined;
}

function countPairs(headers: EventHeaders, leftOut: string): number {
  let count = 0;
  for (const name in headers) if (isShown(name.toLowerCase(), leftOut)) count += headers[name]!.length;
  return count;
}

function appendPairs(headers: EventHeaders, leftOut: string, names: string[], values: string[]): void {
  for (const name in headers) {
    const key = name.toLowerCase();
    if (!isShown(key, leftOut)) continue;
    for (const value of headers[name]!) {
      names.push(key);
      values.push(value);
    }
  }
}

/** Old proxies send pseudo-headers of their own (docs/agent-protocol.md 6.10). */
function isShown(key: string, leftOut: string): boolean {
  return key !== leftOut && !key.startsWith(":");
}
