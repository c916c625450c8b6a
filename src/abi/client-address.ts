/**
 * The client's address as ABIs document it. Proxies up to 0.6.47 send `127.0.0.1:50412` and `[::1]:50412`, later ones the
 * bare address (docs/agent-protocol.md 6.10); a Unix listener gives a path, an unknown client the word `unknown`.
 */

const BRACKETED_V6 = /^\[([^\]]*)\](?::(\d+))?$/;
const V4_WITH_PORT = /^(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):(\d+)$/;
const BARE = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F:.]*:[\da-fA-F:.]*)$/;

export function bareAddress(address: string): string {
  if (!address.includes(":")) return address;
  return (V4_WITH_PORT.exec(address) ?? BRACKETED_V6.exec(address))?.[1] ?? address;
}

/** Address and port as one text, an IPv6 address in brackets; null for a client without an IP address. */
export function clientEndpoint(address: string, port: number): string | null {
  const match = V4_WITH_PORT.exec(address) ?? BRACKETED_V6.exec(address);
  const bare = match?.[1] ?? address;
  if (!BARE.test(bare)) return null;
  const known = match?.[2] ?? port;
  return bare.includes(":") ? `[${bare}]:${known}` : `${bare}:${known}`;
}
