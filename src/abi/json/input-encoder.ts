/**
 * Neutral events to the JSON that guests read (docs/design.md 6.2): exactly the documented keys, so that strict parsers
 * work; a guest asks for more through `sentinel_abi_flags` (docs/design.md 6.4).
 */

import type { GuestEvent, HeaderMap, RequestMetadata } from "../../event/event.ts";
import { bareAddress } from "./client-address.ts";
import { canonicalHeaderName } from "./header-case.ts";

/** Bits of the guest's `sentinel_abi_flags`. */
export const AbiFlag = { metadata: 1, multiHeaders: 2 } as const;

export interface InputForm {
  readonly canonicalHeaderCase: boolean;
  /** What the guest's `sentinel_abi_flags` answered; 0 without that export. */
  readonly abiFlags: number;
}

const VALUE_SEPARATOR = ", ";
const COLON = 58;

export function encodeInput(event: GuestEvent, form: InputForm): string {
  const input: Record<string, unknown> =
    event.kind === "request-headers"
      ? {
          method: event.method,
          uri: event.uri,
          client_ip: bareAddress(event.metadata.clientAddress),
          correlation_id: event.correlationId,
          headers: joinedHeaders(event.headers, form),
        }
      : {
          status: event.status,
          correlation_id: event.correlationId,
          headers: joinedHeaders(event.headers, form),
        };
  if (form.abiFlags !== 0) addRequestedKeys(input, event, form);
  return JSON.stringify(input);
}

function addRequestedKeys(input: Record<string, unknown>, event: GuestEvent, form: InputForm): void {
  if ((form.abiFlags & AbiFlag.metadata) !== 0 && event.kind === "request-headers") {
    input["metadata"] = metadataKeys(event.metadata);
  }
  if ((form.abiFlags & AbiFlag.multiHeaders) !== 0) input["multi_headers"] = headerLists(event.headers, form);
}

function metadataKeys(metadata: RequestMetadata): object {
  return {
    request_id: metadata.requestId,
    client_port: metadata.clientPort,
    server_name: metadata.serverName,
    protocol: metadata.httpVersion,
    tls_version: metadata.tlsVersion,
    tls_cipher: metadata.tlsCipher,
    route_id: metadata.routeId,
    upstream_id: metadata.upstreamId,
    timestamp: metadata.timestamp,
    traceparent: metadata.traceparent,
  };
}

function joinedHeaders(headers: HeaderMap, form: InputForm): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name in headers) {
    if (isPseudoHeader(name)) continue;
    const values = headers[name]!;
    const value = values.length === 1 ? values[0]! : values.join(VALUE_SEPARATOR);
    setOwn(joined, form.canonicalHeaderCase ? canonicalHeaderName(name) : name, value);
  }
  return joined;
}

function headerLists(headers: HeaderMap, form: InputForm): Record<string, readonly string[]> {
  const lists: Record<string, readonly string[]> = {};
  for (const name in headers) {
    if (isPseudoHeader(name)) continue;
    setOwn(lists, form.canonicalHeaderCase ? canonicalHeaderName(name) : name, headers[name]!);
  }
  return lists;
}

/** `:method` and `:path` stand among the headers of v1 proxies of January 2026 (docs/agent-protocol.md 1.3). */
function isPseudoHeader(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

/** A client may send a header called `__proto__`; assigned plainly, it would vanish into the prototype. */
function setOwn<T>(target: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[name] = value;
  }
}
