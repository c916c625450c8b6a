/**
 * The headers of an event: from `{"name":["a","b"]}`, as proxies write them, to `{"name":"a, b"}`, as guests read them.
 */

import { CLOSING_BRACE, CLOSING_BRACKET, COLON, COMMA, OPENING_BRACE, QUOTE } from "./characters";
import {
  HEADERS,
  MAX_COMPARISONS,
  MAX_NAMES,
  NAME_BITS,
  NAME_BITS_BYTES,
  NAMES,
  VECTOR_BYTES,
} from "./layout";
import { copyString } from "./strings";

/** `:[` and `, ` as they lie in memory. */
const COLON_BRACKET: u32 = 0x5b3a;
const COMMA_SPACE: u16 = 0x202c;
/** `:"` */
const COLON_QUOTE: u16 = 0x223a;

/** Where the headers end that `transcodeHeaders` has written. */
export let headersEnd: usize = 0;

let nameCount: usize = 0;
/** How often a name had to be compared with all before it. */
let comparisons: i32 = 0;

/** `at` is the opening brace; answers what follows the closing one, or 0. The copy is `HEADERS..headersEnd`. */
export function transcodeHeaders(at: usize): usize {
  nameCount = 0;
  comparisons = 0;
  for (let i: usize = 0; i < NAME_BITS_BYTES; i += VECTOR_BYTES) v128.store(NAME_BITS + i, i64x2.splat(0));
  if (load<u8>(at) !== OPENING_BRACE) return 0;
  let to: usize = HEADERS;
  store<u8>(to++, OPENING_BRACE);
  at++;
  if (load<u8>(at) === CLOSING_BRACE) {
    store<u8>(to++, CLOSING_BRACE);
    headersEnd = to;
    return at + 1;
  }
  let isFirst = true;
  while (true) {
    if (load<u8>(at) !== QUOTE) return 0;
    const name = at + 1;
    const entry = to;
    if (!isFirst) store<u8>(to++, COMMA);
    store<u8>(to++, QUOTE);
    const nameEnd = copyString(name, to);
    if (nameEnd === 0 || !isNewName(name, nameEnd - name)) return 0;
    to += nameEnd - name;
    store<u8>(to, QUOTE);
    store<u16>(to + 1, COLON_QUOTE);
    to += 3;
    at = nameEnd + 1;
    if (load<u16>(at) !== COLON_BRACKET) return 0;
    at += 2;
    if (load<u8>(at) !== CLOSING_BRACKET) {
      while (true) {
        if (load<u8>(at) !== QUOTE) return 0;
        const value = at + 1;
        at = copyString(value, to);
        if (at === 0) return 0;
        to += at - value;
        at++;
        const next: u32 = load<u8>(at);
        if (next === CLOSING_BRACKET) break;
        if (next !== COMMA) return 0;
        store<u16>(to, COMMA_SPACE);
        to += 2;
        at++;
      }
    }
    store<u8>(to++, QUOTE);
    at++;
    // `:method` and `:path` stand among the headers of some proxies; guests do not see them.
    if (load<u8>(name) === COLON) to = entry;
    else isFirst = false;
    const next: u32 = load<u8>(at++);
    if (next === CLOSING_BRACE) break;
    if (next !== COMMA) return 0;
  }
  store<u8>(to++, CLOSING_BRACE);
  headersEnd = to;
  return at;
}

/**
 * False for a name that was there already, of which only the last would count, and for one that starts with a digit,
 * which might be an array index and then change its place.
 */
function isNewName(name: usize, length: usize): bool {
  const first: u32 = load<u8>(name);
  if (first - 0x30 < 10) return false;
  if (nameCount === MAX_NAMES) return false;
  const hash = nameHash(name, length);
  const bits = NAME_BITS + (hash >> 5) * 4;
  const bit: u32 = 1 << (hash & 31);
  const seen = load<u32>(bits);
  if ((seen & bit) !== 0 && (++comparisons > MAX_COMPARISONS || hasName(name, length))) return false;
  store<u32>(bits, seen | bit);
  store<u32>(NAMES + nameCount * 8, <u32>name);
  store<u32>(NAMES + nameCount * 8, <u32>length, 4);
  nameCount++;
  return true;
}

/** Nine bits of the first eight bytes, the last eight and the length. */
function nameHash(name: usize, length: usize): u32 {
  let start = load<u64>(name);
  let end: u64 = length;
  if (length < 8) start &= ((<u64>1) << (<u64>length * 8)) - 1;
  else end += load<u64>(name + length - 8);
  return <u32>(((start * 0x9e3779b97f4a7c15) ^ (end * 0xc2b2ae3d27d4eb4f)) >> 55);
}

function hasName(name: usize, length: usize): bool {
  for (let i: usize = 0; i < nameCount; i++) {
    if (load<u32>(NAMES + i * 8, 4) !== <u32>length) continue;
    if (memory.compare(load<u32>(NAMES + i * 8), name, length) === 0) return true;
  }
  return false;
}
