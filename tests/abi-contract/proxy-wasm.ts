/** Proxy-Wasm in the contract suite. */

import { assembleWat } from "../guests/assemble-guest.ts";
import type { Behaviour } from "./behaviours.ts";
import type { AbiDescriptor } from "./descriptor.ts";

export const PROXY_WASM: AbiDescriptor = {
  name: "proxy-wasm",
  guest: (behaviour) => assembleWat(behaviour, moduleText(GUESTS[behaviour])),
  blockHandles: ["request-headers"],
  badResultCode: "guest-header-value",
  exceptions: {},
};

/** Texts that guests pass to the host, where they lie in memory. */
const TEXTS = {
  no: [0, "no"],
  path: [16, ":path"],
  guest: [32, "x-guest"],
  seen: [48, "seen"],
  uri: [64, "x-uri"],
  lines: [80, "one\\0atwo"],
} as const;

const text = (name: keyof typeof TEXTS): string => {
  const [at, content] = TEXTS[name];
  return `(i32.const ${at}) (i32.const ${content.replace("\\0a", "\n").length})`;
};

/** Where the host leaves a pointer and a size. */
const POINTER_AT = "(i32.const 128)";
const SIZE_AT = "(i32.const 132)";
const RESULT = `(i32.load ${POINTER_AT}) (i32.load ${SIZE_AT})`;

/** Whether the last result contains the four letters of `word`. */
const resultContains = (word: string): string =>
  `(call $contains ${RESULT} (i32.const ${Buffer.from(word).readUInt32LE(0)}))`;

const BLOCK = `(drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) ${text("no")} (i32.const 0) (i32.const 0) (i32.const -1)))`;
const READ_PATH = `(drop (call $get_header (i32.const 0) ${text("path")} ${POINTER_AT} ${SIZE_AT}))`;

const onRequest = (body: string): string =>
  `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${body} (i32.const 0))`;
const onResponse = (body: string): string =>
  `(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${body} (i32.const 0))`;
/** Does something when the URI contains the marker, and allows. */
const onMarker = (something: string): string =>
  onRequest(`${READ_PATH} (if ${resultContains("boom")} (then ${something}))`);

const GUESTS: Readonly<Record<Behaviour, string>> = {
  block: onMarker(BLOCK),
  "request-header": onRequest(`(drop (call $set_header (i32.const 0) ${text("guest")} ${text("seen")}))`),
  "response-header": onResponse(`(drop (call $set_header (i32.const 2) ${text("guest")} ${text("seen")}))`),
  remember: onResponse(`${READ_PATH} (drop (call $set_header (i32.const 2) ${text("uri")} ${RESULT}))`),
  "block-body": `(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (drop (call $get_buffer (i32.const 0) (i32.const 0) (i32.const -1) ${POINTER_AT} ${SIZE_AT}))
    (if ${resultContains("boom")} (then ${BLOCK}))
    (i32.const 0))`,
  loop: onMarker("(loop $forever (br $forever))"),
  trap: onMarker("(unreachable)"),
  grow: onMarker("(if (i32.ne (memory.grow (i32.const 2048)) (i32.const -1)) (then (unreachable)))"),
  "bad-result": onMarker(`(drop (call $set_header (i32.const 0) ${text("guest")} ${text("lines")}))`),
  configure: `(global $blocks (mut i32) (i32.const 0))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $get_buffer (i32.const 7) (i32.const 0) (i32.const -1) ${POINTER_AT} ${SIZE_AT}))
      (if ${resultContains("efus")} (then (return (i32.const 0))))
      (global.set $blocks ${resultContains("bloc")})
      (i32.const 1))
    ${onRequest(`${READ_PATH} (if ${resultContains("boom")} (then (unreachable))) (if (global.get $blocks) (then ${BLOCK}))`)}`,
  count: `(global $requests (mut i32) (i32.const 0))
    ${onRequest(`(global.set $requests (i32.add (global.get $requests) (i32.const 1)))
      (if (i32.gt_u (global.get $requests) (i32.const 1)) (then ${BLOCK}))`)}`,
  "trap-at-start": "(func $initialize (unreachable)) (start $initialize)",
};

/** The allocator gives room anew for each result: nothing of the one before is needed then. */
function moduleText(guest: string): string {
  return `(module
    (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_replace_header_map_value" (func $set_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    ${Object.values(TEXTS)
      .map(([at, content]) => `(data (i32.const ${at}) "${content}")`)
      .join("\n    ")}
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func $contains (param $pointer i32) (param $length i32) (param $letters i32) (result i32)
      (local $last i32)
      (local.set $last (i32.add (local.get $pointer) (local.get $length)))
      (loop $next
        (if (i32.le_u (i32.add (local.get $pointer) (i32.const 4)) (local.get $last))
          (then
            (if (i32.eq (i32.load align=1 (local.get $pointer)) (local.get $letters)) (then (return (i32.const 1))))
            (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
            (br $next))))
      (i32.const 0))
    ${guest})`;
}
