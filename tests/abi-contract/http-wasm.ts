/** The http-wasm ABI in the contract suite. */

import { assembleWat } from "../guests/assemble-guest.ts";
import { type HttpWasmWat, httpWasmWat, NEXT, OWN_ANSWER, READ_AT, wat } from "../support/http-wasm-wat.ts";
import type { Behaviour } from "./behaviours.ts";
import type { AbiDescriptor } from "./descriptor.ts";

export const HTTP_WASM: AbiDescriptor = {
  name: "http-wasm",
  guest: makeGuest,
  blockHandles: ["request-headers", "response-headers", "request-body-chunk"],
  badResultCode: "guest-host-call",
  flags: ["--events", "request_headers,request_body,response_headers"],
  exceptions: {},
};

const REQUEST = 0;
const RESPONSE = 1;
const BUFFER_RESPONSE = 2;

const TEXTS = {
  marker: "boom",
  refuse: "efus",
  block: "bloc",
  no: "no",
  name: "x-guest",
  seen: "seen",
  uri: "x-uri",
};

/** Whether `length` bytes at `pointer` contain the four letters of a word. */
const CONTAINS = `
(func $contains (param $pointer i32) (param $length i32) (param $word i32) (param i32) (result i32)
  (local $last i32)
  (local.set $last (i32.add (local.get $pointer) (local.get $length)))
  (loop $next
    (if (i32.le_u (i32.add (local.get $pointer) (i32.const 4)) (local.get $last))
      (then
        (if (i32.eq (i32.load align=1 (local.get $pointer)) (i32.load align=1 (local.get $word)))
          (then (return (i32.const 1))))
        (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
        (br $next))))
  (i32.const 0))`;

const READ_URI = `(call $get_uri (i32.const ${READ_AT}) (i32.const 4096))`;
const HAS_MARKER = `(call $contains (i32.const ${READ_AT}) ${READ_URI} (text marker))`;
const BLOCK = `${wat.status(403)}${wat.write(RESPONSE, "no")}(return ${OWN_ANSWER})`;

/** Does something when the URI contains the marker, and lets the request go on. */
const onMarker = (something: string): HttpWasmWat => ({
  request: `(if ${HAS_MARKER} (then ${something})) ${NEXT}`,
});

const GUESTS: Readonly<Record<Behaviour, HttpWasmWat>> = {
  block: onMarker(BLOCK),
  "request-header": { request: `${wat.setHeader(REQUEST, "name", "seen")}${NEXT}` },
  "response-header": {
    more: `(func (export "_initialize") ${wat.enable(BUFFER_RESPONSE)})`,
    response: wat.setHeader(RESPONSE, "name", "seen"),
  },
  remember: {
    more: `(func (export "_initialize") ${wat.enable(BUFFER_RESPONSE)})`,
    response: `(call $set_header_value (i32.const ${RESPONSE}) (text uri) (i32.const ${READ_AT}) ${READ_URI})`,
  },
  "block-body": {
    request: `(if (call $contains (i32.const ${READ_AT})
        (i32.wrap_i64 (call $read_body (i32.const ${REQUEST}) (i32.const ${READ_AT}) (i32.const 4096))) (text marker))
      (then ${BLOCK})) ${NEXT}`,
  },
  loop: onMarker("(loop $forever (br $forever))"),
  trap: onMarker("(unreachable)"),
  grow: onMarker("(if (i32.ne (memory.grow (i32.const 2048)) (i32.const -1)) (then (unreachable)))"),
  "bad-result": onMarker("(call $write_body (i32.const 7) (text no))"),
  configure: {
    more: `(global $blocks (mut i32) (i32.const 0))
      (start $configure)
      (func $configure (local $length i32)
        (local.set $length (call $get_config (i32.const ${READ_AT}) (i32.const 4096)))
        (if (call $contains (i32.const ${READ_AT}) (local.get $length) (text refuse)) (then (unreachable)))
        (global.set $blocks (call $contains (i32.const ${READ_AT}) (local.get $length) (text block))))`,
    request: `(if ${HAS_MARKER} (then (unreachable))) (if (global.get $blocks) (then ${BLOCK})) ${NEXT}`,
  },
  count: {
    more: "(global $requests (mut i32) (i32.const 0))",
    request: `(global.set $requests (i32.add (global.get $requests) (i32.const 1)))
      (if (i32.gt_u (global.get $requests) (i32.const 1)) (then ${BLOCK})) ${NEXT}`,
  },
  "trap-at-start": { more: '(func (export "_start") (unreachable))' },
};

async function makeGuest(behaviour: Behaviour): Promise<Uint8Array<ArrayBuffer>> {
  const guest = GUESTS[behaviour];
  return assembleWat(
    behaviour,
    httpWasmWat({ ...guest, texts: TEXTS, more: `${CONTAINS}${guest.more ?? ""}` }),
  );
}
