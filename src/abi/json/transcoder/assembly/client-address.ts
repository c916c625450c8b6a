/** The bare client address, as src/abi/client-address.ts defines it, found in the text of the proxy. */

import { CLOSING_BRACKET, COLON, OPENING_BRACKET } from "./characters";

const DOT: u32 = 0x2e;

export let bareAt: usize = 0;
export let bareLength: usize = 0;

/** Sets `bareAt` and `bareLength`. */
export function findBareAddress(at: usize, length: usize): void {
  bareAt = at;
  bareLength = length;
  const end = at + length;
  if (length > 0 && load<u8>(at) === OPENING_BRACKET) findInBrackets(at + 1, end);
  else findBeforePort(at, end);
}

/** `[v6]` or `[v6]:port` */
function findInBrackets(at: usize, end: usize): void {
  if (!hasColon(at, end)) return;
  let close = at;
  while (close < end && load<u8>(close) !== CLOSING_BRACKET) close++;
  if (close === end) return;
  const rest = close + 1;
  if (rest !== end && !isPort(rest, end)) return;
  bareAt = at;
  bareLength = close - at;
}

function hasColon(at: usize, end: usize): bool {
  for (; at < end; at++) if (load<u8>(at) === COLON) return true;
  return false;
}

/** `v4:port` */
function findBeforePort(at: usize, end: usize): void {
  const start = at;
  for (let part = 0; part < 4; part++) {
    let digits = 0;
    while (at < end && <u32>load<u8>(at) - 0x30 < 10) {
      at++;
      digits++;
    }
    if (digits === 0 || digits > 3) return;
    if (part < 3) {
      if (at === end || load<u8>(at) !== DOT) return;
      at++;
    }
  }
  if (isPort(at, end)) bareLength = at - start;
}

/** A colon and at least one digit, up to the end. */
function isPort(at: usize, end: usize): bool {
  if (at === end || load<u8>(at) !== COLON) return false;
  at++;
  if (at === end) return false;
  for (; at < end; at++) if (<u32>load<u8>(at) - 0x30 > 9) return false;
  return true;
}
