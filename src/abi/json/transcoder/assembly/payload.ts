/**
 * The members of an event's payload, in whatever order they come (docs/agent-protocol.md 6). What is required is
 * checked, and a member that is there twice or is not known as a text, null or truth value is left to the other
 * decoder.
 */

import { CLOSING_BRACE, COLON, COMMA, OPENING_BRACE, QUOTE } from "./characters";
import { transcodeHeaders } from "./headers";
import { skipString } from "./strings";

const NULL: u32 = 0x6c6c756e;
const TRUE: u32 = 0x65757274;
const FALSE_TAIL: u32 = 0x65736c61;

/** Members that are required, or looked at; one bit each. */
const METHOD: u32 = 1 << 0;
const URI: u32 = 1 << 1;
const HEADERS_MEMBER: u32 = 1 << 2;
const METADATA: u32 = 1 << 3;
const STATUS: u32 = 1 << 4;
const CORRELATION_ID: u32 = 1 << 5;
export const REQUEST_MEMBERS: u32 = METHOD | URI | HEADERS_MEMBER | METADATA;
export const RESPONSE_MEMBERS: u32 = HEADERS_MEMBER | STATUS;

const REQUEST_ID: u32 = 1 << 0;
const CLIENT_IP: u32 = 1 << 1;
const CLIENT_PORT: u32 = 1 << 2;
const PROTOCOL: u32 = 1 << 3;
const TIMESTAMP: u32 = 1 << 4;
const INNER_ID: u32 = 1 << 5;
const SERVER_NAME: u32 = 1 << 6;
const TLS_VERSION: u32 = 1 << 7;
const TLS_CIPHER: u32 = 1 << 8;
const ROUTE_ID: u32 = 1 << 9;
const UPSTREAM_ID: u32 = 1 << 10;
const TRACEPARENT: u32 = 1 << 11;
const REQUIRED_METADATA: u32 = REQUEST_ID | CLIENT_IP | CLIENT_PORT | PROTOCOL | TIMESTAMP;

/** Strings are kept without their quotes. */
export let methodAt: usize = 0;
export let methodLength: usize = 0;
export let uriAt: usize = 0;
export let uriLength: usize = 0;
export let addressAt: usize = 0;
export let addressLength: usize = 0;
export let idAt: usize = 0;
export let idLength: usize = 0;
export let statusAt: usize = 0;
export let statusLength: usize = 0;

/** That of the metadata, which counts when the payload itself has none. Length 0 without one. */
let innerIdAt: usize = 0;
let innerIdLength: usize = 0;

/** `at` is the opening brace; answers what follows the closing one, or 0. */
export function readPayload(at: usize, required: u32): usize {
  if (load<u8>(at) !== OPENING_BRACE) return 0;
  at++;
  let seen: u32 = 0;
  innerIdAt = 0;
  innerIdLength = 0;
  while (true) {
    const key = at + 1;
    at = keyEnd(at);
    if (at === 0) return 0;
    const member = payloadMember(key, at - key);
    if ((seen & member) !== 0) return 0;
    seen |= member;
    at += 2;
    if (member === HEADERS_MEMBER) {
      at = transcodeHeaders(at);
      if (at === 0) return 0;
    } else if (member === METADATA && required === REQUEST_MEMBERS) {
      at = readMetadata(at);
      if (at === 0) return 0;
    } else if (member === STATUS) {
      statusAt = at;
      at = skipUnsigned16(at);
      if (at === 0) return 0;
      statusLength = at - statusAt;
    } else if (member === METHOD || member === URI || member === CORRELATION_ID) {
      if (load<u8>(at) !== QUOTE) return 0;
      const text = at + 1;
      at = skipString(text);
      if (at === 0) return 0;
      if (member === METHOD) {
        methodAt = text;
        methodLength = at - text;
      } else if (member === URI) {
        uriAt = text;
        uriLength = at - text;
      } else {
        idAt = text;
        idLength = at - text;
      }
      at++;
    } else {
      at = skipSimple(at);
      if (at === 0) return 0;
    }
    const next: u32 = load<u8>(at++);
    if (next === CLOSING_BRACE) break;
    if (next !== COMMA) return 0;
  }
  if ((seen & required) !== required) return 0;
  if ((seen & CORRELATION_ID) === 0) {
    idAt = innerIdAt;
    idLength = innerIdLength;
  }
  return at;
}

/** Finds the client's address and the inner correlation id. */
function readMetadata(at: usize): usize {
  if (load<u8>(at) !== OPENING_BRACE) return 0;
  at++;
  let seen: u32 = 0;
  while (true) {
    const key = at + 1;
    at = keyEnd(at);
    if (at === 0) return 0;
    const member = metadataMember(key, at - key);
    if ((seen & member) !== 0) return 0;
    seen |= member;
    at += 2;
    if (member === CLIENT_PORT) {
      at = skipUnsigned16(at);
      if (at === 0) return 0;
    } else if (load<u8>(at) === QUOTE) {
      const text = at + 1;
      at = skipString(text);
      if (at === 0) return 0;
      if (member === CLIENT_IP) {
        addressAt = text;
        addressLength = at - text;
      } else if (member === INNER_ID) {
        innerIdAt = text;
        innerIdLength = at - text;
      }
      at++;
    } else {
      // Only texts that may be absent may be null; of unknown members everything simple is taken.
      const isNull = load<u32>(at) === NULL;
      if (member === 0) {
        at = skipSimple(at);
        if (at === 0) return 0;
      } else {
        if (!isNull || (member & (REQUIRED_METADATA | INNER_ID)) !== 0) return 0;
        at += 4;
      }
    }
    const next: u32 = load<u8>(at++);
    if (next === CLOSING_BRACE) break;
    if (next !== COMMA) return 0;
  }
  return (seen & REQUIRED_METADATA) === REQUIRED_METADATA ? at : 0;
}

/** `at` is the quote that opens a key; answers the one that closes it before a colon, or 0. */
function keyEnd(at: usize): usize {
  if (load<u8>(at) !== QUOTE) return 0;
  const end = skipString(at + 1);
  return end !== 0 && load<u8>(end, 1) === COLON ? end : 0;
}

/** A text, null or a truth value; answers what follows, or 0. */
function skipSimple(at: usize): usize {
  const first: u32 = load<u8>(at);
  if (first === QUOTE) {
    const end = skipString(at + 1);
    return end === 0 ? 0 : end + 1;
  }
  const word = load<u32>(at);
  if (word === NULL || word === TRUE) return at + 4;
  return first === 0x66 && load<u32>(at, 1) === FALSE_TAIL ? at + 5 : 0;
}

function skipUnsigned16(at: usize): usize {
  const first: u32 = load<u8>(at) - 0x30;
  if (first > 9) return 0;
  if (first === 0) return at + 1;
  let value: u32 = first;
  let digits = 1;
  while (true) {
    at++;
    const digit: u32 = load<u8>(at) - 0x30;
    if (digit > 9) break;
    value = value * 10 + digit;
    if (++digits > 5) return 0;
  }
  return value <= 65_535 ? at : 0;
}

function payloadMember(key: usize, length: usize): u32 {
  const start = load<u64>(key);
  if (length === 3) return (<u32>start & 0xff_ffff) === 0x697275 ? URI : 0;
  if (length === 6) {
    const name = start & 0xffff_ffff_ffff;
    if (name === 0x646f6874656d) return METHOD;
    return name === 0x737574617473 ? STATUS : 0;
  }
  if (length === 7) return (start & 0xff_ffff_ffff_ffff) === 0x73726564616568 ? HEADERS_MEMBER : 0;
  if (length === 8) return start === 0x617461646174656d ? METADATA : 0;
  return isCorrelationId(key, start, length) ? CORRELATION_ID : 0;
}

function isCorrelationId(key: usize, start: u64, length: usize): bool {
  return length === 14 && start === 0x74616c6572726f63 && load<u64>(key, 6) === 0x64695f6e6f697461;
}

function metadataMember(key: usize, length: usize): u32 {
  const start = load<u64>(key);
  switch (<i32>length) {
    case 8:
      if (start === 0x6c6f636f746f7270) return PROTOCOL;
      return start === 0x64695f6574756f72 ? ROUTE_ID : 0;
    case 9:
      if (start === 0x695f746e65696c63 && load<u8>(key, 8) === 0x70) return CLIENT_IP;
      return start === 0x6d617473656d6974 && load<u8>(key, 8) === 0x70 ? TIMESTAMP : 0;
    case 10:
      if (start === 0x5f74736575716572 && load<u16>(key, 8) === 0x6469) return REQUEST_ID;
      return start === 0x687069635f736c74 && load<u16>(key, 8) === 0x7265 ? TLS_CIPHER : 0;
    case 11: {
      const tail = load<u32>(key, 7);
      if (start === 0x705f746e65696c63) return tail === 0x74726f70 ? CLIENT_PORT : 0;
      if (start === 0x6e5f726576726573) return tail === 0x656d616e ? SERVER_NAME : 0;
      if (start === 0x737265765f736c74) return tail === 0x6e6f6973 ? TLS_VERSION : 0;
      if (start === 0x6d61657274737075) return tail === 0x64695f6d ? UPSTREAM_ID : 0;
      return start === 0x7261706563617274 && tail === 0x746e6572 ? TRACEPARENT : 0;
    }
    default:
      return isCorrelationId(key, start, length) ? INNER_ID : 0;
  }
}
