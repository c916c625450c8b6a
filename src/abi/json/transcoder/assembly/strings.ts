/**
 * JSON strings, sixteen bytes at a time. Only what stays the same when it is decoded and encoded again is accepted:
 * printable ASCII, and the escapes that every encoder writes alike.
 */

import { BACKSLASH, QUOTE } from "./characters";
import { VECTOR_BYTES } from "./layout";

/** Bits of the letters that may follow a backslash, counted from `"`: the quote alone, and from `\` on: `\bfnrt`. */
const BACKSLASH_LETTERS: u32 =
  (1 << 0) |
  (1 << (0x62 - 0x5c)) |
  (1 << (0x66 - 0x5c)) |
  (1 << (0x6e - 0x5c)) |
  (1 << (0x72 - 0x5c)) |
  (1 << (0x74 - 0x5c));

/** Sixteen bits, one for each byte that ends a string, starts an escape, or is neither printable nor ASCII. */
function specialBytes(bytes: v128): i32 {
  const quotes = i8x16.eq(bytes, i8x16.splat(0x22));
  const backslashes = i8x16.eq(bytes, i8x16.splat(0x5c));
  // As signed numbers, controls are below the space, and so is everything beyond ASCII.
  const others = i8x16.lt_s(bytes, i8x16.splat(0x20));
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), others));
}

function isPlainEscape(letter: u32): bool {
  if (letter === QUOTE) return true;
  const bit = letter - BACKSLASH;
  return bit < 32 && ((BACKSLASH_LETTERS >> bit) & 1) !== 0;
}

/** `at` is behind the opening quote; answers where the closing one is, or 0. */
export function skipString(at: usize): usize {
  while (true) {
    const special = specialBytes(v128.load(at));
    if (special === 0) {
      at += VECTOR_BYTES;
      continue;
    }
    at += ctz(special);
    const byte: u32 = load<u8>(at);
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH || !isPlainEscape(load<u8>(at, 1))) return 0;
    at += 2;
  }
}

/** As `skipString`, and copies the string to `to`, where up to a vector more than its length is overwritten. */
export function copyString(at: usize, to: usize): usize {
  while (true) {
    const bytes = v128.load(at);
    v128.store(to, bytes);
    const special = specialBytes(bytes);
    if (special === 0) {
      at += VECTOR_BYTES;
      to += VECTOR_BYTES;
      continue;
    }
    const before: usize = ctz(special);
    at += before;
    const byte: u32 = load<u8>(at);
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH || !isPlainEscape(load<u8>(at, 1))) return 0;
    to += before;
    store<u16>(to, load<u16>(at));
    at += 2;
    to += 2;
  }
}
