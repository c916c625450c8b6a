/**
 * From an event as a proxy writes it to the event as guests read it (docs/design.md 6.2), byte by byte, without the
 * strings and objects in between. See ../event-transcoder.ts, which is all that calls this.
 */

import { CLOSING_BRACE } from "./characters";
import { bareAt, bareLength, findBareAddress } from "./client-address";
import { headersEnd } from "./headers";
import { HEADERS, ID_AT, ID_LENGTH, INPUT, PREFIX, TEXT_AT, VECTOR_BYTES } from "./layout";
import {
  addressAt,
  addressLength,
  idAt,
  idLength,
  methodAt,
  methodLength,
  readPayload,
  REQUEST_MEMBERS,
  RESPONSE_MEMBERS,
  statusAt,
  statusLength,
  uriAt,
  uriLength,
} from "./payload";

/**
 * Transcodes the `length` bytes at INPUT: a payload, or one behind `prefixLength` bytes that must equal those at PREFIX
 * and in front of a closing brace. Answers the length of the text, whose start is left at TEXT_AT; 0 when the other
 * decoder has to look at it.
 */
export function transcode(length: usize, prefixLength: usize, isResponse: bool): usize {
  const end = INPUT + length;
  v128.store(end, i64x2.splat(0));
  if (prefixLength > length || !startsWithPrefix(prefixLength)) return 0;
  const payloadEnd = readPayload(INPUT + prefixLength, isResponse ? RESPONSE_MEMBERS : REQUEST_MEMBERS);
  if (payloadEnd === 0) return 0;
  if (prefixLength === 0) {
    if (payloadEnd !== end) return 0;
  } else if (payloadEnd + 1 !== end || load<u8>(payloadEnd) !== CLOSING_BRACE) {
    return 0;
  }
  // The head is copied in whole vectors, and its last one reaches up to three bytes into the headers.
  const opening = load<u32>(HEADERS);
  const start = isResponse ? writeResponseHead() : writeRequestHead();
  store<u32>(HEADERS, opening);
  store<u8>(headersEnd, CLOSING_BRACE);
  store<u32>(TEXT_AT, <u32>start);
  store<u32>(ID_AT, <u32>idAt);
  store<u32>(ID_LENGTH, <u32>idLength);
  return headersEnd + 1 - start;
}

function startsWithPrefix(length: usize): bool {
  // Both are followed by at least a vector of readable bytes; the rest of the last vector does not count.
  for (let i: usize = 0; i < length; i += VECTOR_BYTES) {
    const equal = i8x16.bitmask(i8x16.eq(v128.load(INPUT + i), v128.load(PREFIX + i)));
    const differing = ~equal & 0xffff;
    if (differing !== 0 && <usize>ctz(differing) < length - i) return false;
  }
  return true;
}

/** Writes `{"method":…,"headers":` so that it ends where the headers begin; answers its start. */
function writeRequestHead(): usize {
  findBareAddress(addressAt, addressLength);
  const length: usize = 67 + methodLength + uriLength + bareLength + idLength;
  const start = HEADERS - length;
  let to = start;
  // {"method":"
  store<u64>(to, 0x646f6874656d227b);
  store<u32>(to, 0x223a22, 8);
  to = copyBytes(to + 11, methodAt, methodLength);
  // ","uri":"
  store<u64>(to, 0x3a22697275222c22);
  store<u8>(to, 0x22, 8);
  to = copyBytes(to + 9, uriAt, uriLength);
  // ","client_ip":"
  store<u64>(to, 0x6e65696c63222c22);
  store<u64>(to, 0x223a2270695f74, 8);
  to = copyBytes(to + 15, bareAt, bareLength);
  writeIdAndKey(to);
  return start;
}

/** As `writeRequestHead`: `{"status":…,"correlation_id":…,"headers":` */
function writeResponseHead(): usize {
  const length: usize = 41 + statusLength + idLength;
  const start = HEADERS - length;
  let to = start;
  // {"status":
  store<u64>(to, 0x737574617473227b);
  store<u16>(to, 0x3a22, 8);
  to = copyBytes(to + 10, statusAt, statusLength);
  writeIdAndKeyAfterNumber(to);
  return start;
}

/** `","correlation_id":"…","headers":` */
function writeIdAndKey(to: usize): void {
  store<u8>(to, 0x22);
  writeIdAndKeyAfterNumber(to + 1);
}

/** `,"correlation_id":"…","headers":` */
function writeIdAndKeyAfterNumber(to: usize): void {
  // ,"correl
  store<u64>(to, 0x6c6572726f63222c);
  // ation_id
  store<u64>(to, 0x64695f6e6f697461, 8);
  // ":"
  store<u32>(to, 0x223a22, 16);
  to = copyBytes(to + 19, idAt, idLength);
  // ","headers":
  store<u64>(to, 0x6564616568222c22);
  store<u32>(to, 0x3a227372, 8);
}

/** Copies whole vectors, so that what follows the copy is overwritten; answers the end of the copy. */
function copyBytes(to: usize, from: usize, length: usize): usize {
  for (let i: usize = 0; i < length; i += VECTOR_BYTES) v128.store(to + i, v128.load(from + i));
  return to + length;
}
