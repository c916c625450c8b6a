/** The JSON ABI in the contract suite. */

import { assembleWat } from "../guests/assemble-guest.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { replyGuest } from "../guests/reply-guest.ts";
import type { Behaviour } from "./behaviours.ts";
import type { AbiDescriptor } from "./descriptor.ts";

export const JSON_ABI: AbiDescriptor = {
  name: "json",
  guest: makeGuest,
  blockHandles: ["request-headers", "response-headers"],
  badResultCode: "guest-result-not-json",
  exceptions: {},
};

/** Whether `length` bytes at `pointer` contain the four letters of `word`. */
const contains = (name: string, word: string): string => `
(func $contains_${name} (param $pointer i32) (param $length i32) (result i32)
  (local $last i32)
  (local.set $last (i32.add (local.get $pointer) (local.get $length)))
  (loop $next
    (if (i32.le_u (i32.add (local.get $pointer) (i32.const 4)) (local.get $last))
      (then
        (if (i32.eq (i32.load align=1 (local.get $pointer)) (i32.const ${fourLetters(word)}))
          (then (return (i32.const 1))))
        (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
        (br $next))))
  (i32.const 0))`;

function fourLetters(word: string): number {
  return Buffer.from(word).readUInt32LE(0);
}

const BLOCK_TEXT = '{"decision":"block","status":403,"body":"no"}';
const BLOCK = `
(data (i32.const 256) "${BLOCK_TEXT.replaceAll('"', '\\"')}")
(func $block (result i64) (call $result (i32.const 256) (i32.const ${BLOCK_TEXT.length})))`;

/** Does something when the input of a headers event contains the marker, and allows. */
const onMarker = (something: string): string => `
${contains("marker", "boom")}
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (if (call $contains_marker (local.get $pointer) (local.get $length)) (then ${something}))
  (call $allow))`;

/** By the text of a WAT guest, which guest-wat.ts completes. */
const WAT_GUESTS: Readonly<Partial<Record<Behaviour, string>>> = {
  block: `${BLOCK}${onMarker("(return (call $block))")}`,
  loop: onMarker("(loop $forever (br $forever))"),
  trap: onMarker("(unreachable)"),
  grow: onMarker("(if (i32.ne (memory.grow (i32.const 2048)) (i32.const -1)) (then (unreachable)))"),
  "bad-result": `(data (i32.const 256) "no JSON")${onMarker(
    "(return (call $result (i32.const 256) (i32.const 7)))",
  )}`,
  "trap-at-start": "(func $initialize (unreachable)) (start $initialize)",
  "block-body": `${BLOCK}${contains("marker", "boom")}
(func $handle_bytes
  (param $pointer i32) (param $length i32) (param $bytes i32) (param $bytes_length i32) (result i64)
  (if (call $contains_marker (local.get $bytes) (local.get $bytes_length)) (then (return (call $block))))
  (call $allow))`,
  count: `${BLOCK}
(global $requests (mut i32) (i32.const 0))
(func $on_request_headers (export "on_request_headers") (param i32 i32) (result i64)
  (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
  (if (i32.gt_u (global.get $requests) (i32.const 1)) (then (return (call $block))))
  (call $allow))`,
  configure: `${BLOCK}${contains("marker", "boom")}${contains("refuse", "efus")}${contains("block", "bloc")}
(global $blocks (mut i32) (i32.const 0))
(func (export "on_configure") (param $pointer i32) (param $length i32) (result i32)
  (if (call $contains_refuse (local.get $pointer) (local.get $length)) (then (return (i32.const 1))))
  (global.set $blocks (call $contains_block (local.get $pointer) (local.get $length)))
  (i32.const 0))
(func $on_request_headers (export "on_request_headers") (param $pointer i32) (param $length i32) (result i64)
  (if (call $contains_marker (local.get $pointer) (local.get $length)) (then (unreachable)))
  (if (global.get $blocks) (then (return (call $block))))
  (call $allow))`,
  // Flag 4 asks for the request in later events; without one there is nothing to remember. No other key is called "uri".
  remember: `
(func (export "sentinel_abi_flags") (result i32) (i32.const 4))
(data (i32.const 256) "{\\"decision\\":\\"allow\\",\\"add_response_headers\\":{\\"x-uri\\":\\"")
(data (i32.const 384) "\\"}}")
(data (i32.const 400) "\\"uri\\":\\"/")
(func $on_response_headers (export "on_response_headers") (param $at i32) (param $length i32) (result i64)
  (local $last i32) (local $end i32)
  (local.set $last (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 8)))
  (loop $search
    (if (i32.gt_u (local.get $at) (local.get $last)) (then (return (call $allow))))
    (if (i64.ne (i64.load align=1 (local.get $at)) (i64.load (i32.const 400)))
      (then
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $search))))
  (local.set $at (i32.add (local.get $at) (i32.const 7)))
  (local.set $end (call $append (i32.const 512) (i32.const 256) (i32.const 53)))
  (loop $copy
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22))
      (then
        (i32.store8 (local.get $end) (i32.load8_u (local.get $at)))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $copy))))
  (local.set $end (call $append (local.get $end) (i32.const 384) (i32.const 3)))
  (call $result (i32.const 512) (i32.sub (local.get $end) (i32.const 512))))`,
};

const REPLIES: Readonly<Partial<Record<Behaviour, string>>> = {
  "request-header": '{"decision":"allow","add_request_headers":{"x-guest":"seen"}}',
  "response-header": '{"decision":"allow","add_response_headers":{"x-guest":"seen"}}',
};

async function makeGuest(behaviour: Behaviour): Promise<Uint8Array<ArrayBuffer>> {
  const reply = REPLIES[behaviour];
  if (reply !== undefined) return replyGuest(reply);
  return assembleWat(behaviour, guestWat(WAT_GUESTS[behaviour]!));
}
