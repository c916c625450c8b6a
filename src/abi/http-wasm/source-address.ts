/**
 * The client's address as guests read it: `ip:port`, with brackets around IPv6. Proxies send the address with or without
 * the port (docs/agent-protocol.md 6.10), and for some listeners none at all.
 */

import type { RequestMetadata } from "../../event/event.ts";

const V4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const V4_WITH_PORT = /^\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}$/;
const V6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?$/;
const BRACKETED_V6 = /^\[[^\]]*\]$/;
const BRACKETED_V6_WITH_PORT = /^\[[^\]]*\]:\d{1,5}$/;

/** Longer ones are no addresses, and are not looked through. */
const MAX_ADDRESS_UNITS = 64;
/** A Unix socket, or a client that the proxy does not know. */
const UNKNOWN = "unknown:0";

/** The port is 0 when it is not known. */
export function sourceAddress({ clientAddress, clientPort }: RequestMetadata): string {
  if (clientAddress.length > MAX_ADDRESS_UNITS) return UNKNOWN;
  if (V4.test(clientAddress) || BRACKETED_V6.test(clientAddress)) return `${clientAddress}:${clientPort}`;
  if (V4_WITH_PORT.test(clientAddress) || BRACKETED_V6_WITH_PORT.test(clientAddress)) return clientAddress;
  if (V6.test(clientAddress)) return `[${clientAddress}]:${clientPort}`;
  return UNKNOWN;
}
