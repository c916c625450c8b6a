/** Policies of OPA in the contract suite. */

import { fourLetters, type WatPolicy, watPolicy } from "../opa/wat-policy.ts";
import type { Behaviour } from "./behaviours.ts";
import type { AbiDescriptor } from "./descriptor.ts";

const REQUEST_RULE = 0;

export const OPA: AbiDescriptor = {
  name: "opa",
  guest: (behaviour) => watPolicy(behaviour, { entrypoints: ENTRYPOINTS, ...POLICIES[behaviour] }),
  blockHandles: ["request-headers", "request-body-chunk", "response-headers"],
  badResultCode: "guest-result-not-json",
  flags: [
    "--entrypoint",
    "contract/request",
    "--response-entrypoint",
    "contract/response",
    "--events",
    "request_headers,request_body,response_headers",
  ],
  exceptions: {},
};

const ENTRYPOINTS = `{"contract/request":${REQUEST_RULE},"contract/response":1}`;

const TEXT = 1024;
const text = (value: string): Pick<WatPolicy, "data"> => ({ data: new Map([[TEXT, value]]) });
const BLOCK = text('[{"result":{"allowed":false,"body":"no"}}]');

/** For the request's rule alone; responses are allowed. */
const onRequest = (something: string): string => `
  (if (i32.eq (local.get $entrypoint) (i32.const ${REQUEST_RULE})) (then ${something}))
  (call $decide_true)`;

const onMarker = (something: string): string =>
  onRequest(`(if (call $contains_boom (local.get $input) (local.get $length)) (then ${something}))`);

const ANSWER = `(return (i32.const ${TEXT}))`;

const POLICIES: Readonly<Record<Behaviour, WatPolicy>> = {
  block: { ...BLOCK, eval: onMarker(ANSWER) },
  "block-body": { ...BLOCK, eval: onMarker(ANSWER) },
  "request-header": {
    ...text('[{"result":{"allowed":true,"headers":{"x-guest":"seen"}}}]'),
    eval: onRequest(ANSWER),
  },
  "response-header": {
    ...text('[{"result":{"allowed":true,"response_headers_to_add":{"x-guest":"seen"}}}]'),
    eval: `(if (i32.ne (local.get $entrypoint) (i32.const ${REQUEST_RULE})) (then ${ANSWER})) (call $decide_true)`,
  },
  // The path is what stands behind the last key "path": the text of the answer begins at 1024, and the path follows it.
  remember: {
    data: new Map([
      [TEXT, '[{"result":{"allowed":true,"response_headers_to_add":{"x-uri":"'],
      [1200, '"}}}]'],
      [1216, '":path":"'],
    ]),
    more: `
      (func $append (param $to i32) (param $from i32) (param $length i32) (result i32)
        (memory.copy (local.get $to) (local.get $from) (local.get $length))
        (i32.add (local.get $to) (local.get $length)))
      (func $same (param $at i32) (result i32)
        (i64.eq (i64.load align=1 (local.get $at)) (i64.load (i32.const 1216))))
      (func $with_path (param $input i32) (result i32)
      (local $end i32)
      (block $found
        (loop $search
          (br_if $found (call $same (local.get $input)))
          (local.set $input (i32.add (local.get $input) (i32.const 1)))
          (br $search)))
      (local.set $input (i32.add (local.get $input) (i32.const 9)))
      (local.set $end (call $append (i32.const 2048) (i32.const ${TEXT}) (i32.const 63)))
      (loop $copy
        (if (i32.ne (i32.load8_u (local.get $input)) (i32.const 0x22))
          (then
            (local.set $end (call $append (local.get $end) (local.get $input) (i32.const 1)))
            (local.set $input (i32.add (local.get $input) (i32.const 1)))
            (br $copy))))
      (drop (call $append (local.get $end) (i32.const 1200) (i32.const 6)))
      (i32.const 2048))`,
    eval: `
      (if (i32.eq (local.get $entrypoint) (i32.const ${REQUEST_RULE})) (then (return (call $decide_true))))
      (call $with_path (local.get $input))`,
  },
  loop: { eval: onMarker("(loop $forever (br $forever))") },
  trap: { eval: onMarker("(unreachable)") },
  grow: {
    eval: onMarker("(if (i32.ne (memory.grow (i32.const 2048)) (i32.const -1)) (then (unreachable)))"),
  },
  "bad-result": { ...text("no JSON"), eval: onMarker(ANSWER) },
  // The text of the data lies at its address.
  configure: {
    ...BLOCK,
    eval: onRequest(`
      (if (call $contains_boom (local.get $input) (local.get $length)) (then (unreachable)))
      (if (call $contains (local.get $data) (i32.const 32) (i32.const ${fourLetters("bloc")})) (then ${ANSWER}))`),
  },
  count: {
    ...BLOCK,
    more: "(global $requests (mut i32) (i32.const 0))",
    eval: onRequest(`
      (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
      (if (i32.gt_u (global.get $requests) (i32.const 1)) (then ${ANSWER}))`),
  },
  "trap-at-start": {
    more: "(func $initialize (unreachable)) (start $initialize)",
    eval: "(call $decide_true)",
  },
};
