/**
 * The bare client address that the ABI documents. Proxies up to 0.6.47 send `127.0.0.1:50412` and `[::1]:50412`, later
 * ones the bare address (docs/agent-protocol.md 6.10); a Unix listener gives a path, an unknown client the word
 * `unknown`.
 */

const BRACKETED_V6 = /^\[([^\]]*)\](?::\d+)?$/;
const V4_WITH_PORT = /^(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):\d+$/;

export function bareAddress(address: string): string {
  if (!address.includes(":")) return address;
  return (V4_WITH_PORT.exec(address) ?? BRACKETED_V6.exec(address))?.[1] ?? address;
}
