/**
 * Whether a Host header names an address. A page in a browser can make a name of its own lead to a local address, and then
 * read what listens there as if it were its own; with an address in the header it cannot.
 */

import { isIP } from "node:net";

const BRACKETED = /^\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?$/;
const PLAIN = /^([^:[\]]+)(?::\d{1,5})?$/;

/** `localhost` counts as one: it is not for others to give away. */
export function namesAddress(host: string): boolean {
  const bracketed = BRACKETED.exec(host)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const plain = PLAIN.exec(host)?.[1];
  return plain !== undefined && (isIP(plain) === 4 || plain.toLowerCase() === "localhost");
}
