/**
 * A guest made from a list of rules: the first whose text stands in the event decides. Rules are found by plain search
 * in the event's JSON and in its bytes, so a test says with a uri, a header or a body which answer it wants. The guest
 * has handlers for requests and responses, and for whatever else it has rules for.
 */

import { assembleWat } from "../guests/assemble-guest.ts";

export interface Rule {
  readonly on: "request" | "response" | "request-body" | "response-body" | "frame" | "guardrail";
  /** Text to be found in the event's JSON, or in its bytes. */
  readonly when: string;
  /**
   * A result of the ABI (docs/design.md 6.3), or a guest that fails. `ID` in it becomes what follows `id=` in the
   * event.
   */
  readonly answer: object | "trap";
}

export interface Script {
  readonly rules: readonly Rule[];
  /** Later events carry their request (`sentinel_abi_flags`). */
  readonly wantsRequest?: boolean;
  /** Refuses a configuration that holds this text. Without it, the guest takes no configuration. */
  readonly refusesConfig?: string;
}

/** Eight characters: as many are copied from behind `id=`. */
export const ID = "########";

const ID_MARK = "id=";
const NO_OPINION = '{"decision":"allow"}';
const INPUT_AT = 65_536;
const OUTPUT_AT = 32_768;
/** For the event, and for a body of a few MiB. */
const INPUT_PAGES = 96;

const EXPORTS: Readonly<Record<Rule["on"], string>> = {
  request: "on_request_headers",
  response: "on_response_headers",
  "request-body": "on_request_body",
  "response-body": "on_response_body",
  frame: "on_websocket_frame",
  guardrail: "on_guardrail",
};
const ALWAYS_HANDLED: ReadonlySet<Rule["on"]> = new Set(["request", "response"]);
const WITH_BYTES: ReadonlySet<Rule["on"]> = new Set(["request-body", "response-body", "frame"]);

export function scriptedGuest(script: Script): Promise<Uint8Array> {
  return assembleWat("scripted-guest", guestText(script));
}

/** Constants of the guest, laid one after the other from address 8 on. */
class DataSegment {
  #text = "";
  #end = 8;

  /** `(i32.const address) (i32.const length)` of the text. */
  add(text: string): string {
    const bytes = Buffer.from(text);
    const address = this.#end;
    this.#end += bytes.length;
    for (const byte of bytes) this.#text += `\\${byte.toString(16).padStart(2, "0")}`;
    return `(i32.const ${address}) (i32.const ${bytes.length})`;
  }

  toWat(): string {
    if (this.#end > OUTPUT_AT) throw new Error("the script is too long for the guest's memory layout");
    return `(data (i32.const 8) "${this.#text}")`;
  }
}

function guestText(script: Script): string {
  const data = new DataSegment();
  const noOpinion = data.add(NO_OPINION);
  const mark = data.add(ID_MARK);
  const handled = (Object.keys(EXPORTS) as Rule["on"][]).filter(
    (on) => ALWAYS_HANDLED.has(on) || script.rules.some((rule) => rule.on === on),
  );
  const handlers = handled.map((on) => {
    const rules = script.rules.filter((rule) => rule.on === on).map((rule) => ruleText(rule, data));
    const bytes = WITH_BYTES.has(on)
      ? "(param $bytes i32) (param $bytesLength i32) (result i64)"
      : "(result i64) (local $bytes i32) (local $bytesLength i32)";
    return `(func (export "${EXPORTS[on]}") (param $input i32) (param $inputLength i32) ${bytes}
      ${rules.join("\n")}
      (call $answer ${noOpinion}))`;
  });
  const configure = script.refusesConfig === undefined ? "" : configureText(script.refusesConfig, data);
  const flags =
    script.wantsRequest === true ? '(func (export "sentinel_abi_flags") (result i32) (i32.const 4))' : "";
  return `(module
    (memory (export "memory") ${1 + INPUT_PAGES})
    ${data.toWat()}
    (global $top (mut i32) (i32.const ${INPUT_AT}))
    (func (export "alloc") (param $size i32) (result i32)
      (local $pointer i32)
      (local.set $pointer (global.get $top))
      (global.set $top (i32.add (local.get $pointer) (local.get $size)))
      (if (i32.gt_u (global.get $top) (i32.const ${INPUT_AT + INPUT_PAGES * 65_536})) (then unreachable))
      (local.get $pointer))
    (func (export "dealloc") (param i32 i32) (global.set $top (i32.const ${INPUT_AT})))
    ${flags}
    ${FIND}
    (func $answer (param $template i32) (param $length i32) (result i64)
      (memory.copy (i32.const ${OUTPUT_AT}) (local.get $template) (local.get $length))
      (i64.or
        (i64.shl (i64.const ${OUTPUT_AT}) (i64.const 32))
        (i64.extend_i32_u (local.get $length))))
    (func $putId (param $offset i32) (param $input i32) (param $inputLength i32)
      (local $mark i32)
      (local.set $mark (call $find (local.get $input) (local.get $inputLength) ${mark}))
      (if (i32.lt_s (local.get $mark) (i32.const 0)) (then unreachable))
      (memory.copy
        (i32.add (i32.const ${OUTPUT_AT}) (local.get $offset))
        (i32.add (local.get $mark) (i32.const ${ID_MARK.length}))
        (i32.const ${ID.length})))
    ${handlers.join("\n")}
    ${configure})`;
}

function ruleText(rule: Rule, data: DataSegment): string {
  const needle = data.add(rule.when);
  const found = `(i32.or
    (i32.ge_s (call $find (local.get $input) (local.get $inputLength) ${needle}) (i32.const 0))
    (i32.ge_s (call $find (local.get $bytes) (local.get $bytesLength) ${needle}) (i32.const 0)))`;
  if (rule.answer === "trap") return `(if ${found} (then unreachable))`;
  const result = JSON.stringify(rule.answer);
  const putIds = [...result.matchAll(new RegExp(ID, "g"))].map(
    ({ index }) =>
      `(call $putId (i32.const ${Buffer.byteLength(result.slice(0, index))}) (local.get $input) (local.get $inputLength))`,
  );
  return `(if ${found} (then (call $answer ${data.add(result)}) ${putIds.join("\n")} return))`;
}

function configureText(refused: string, data: DataSegment): string {
  return `(func (export "on_configure") (param $input i32) (param $inputLength i32) (result i32)
    (i32.ge_s
      (call $find (local.get $input) (local.get $inputLength) ${data.add(refused)})
      (i32.const 0)))`;
}

/** Address of the first place where the needle stands, or -1. */
const FIND = `(func $find
    (param $text i32) (param $textLength i32) (param $needle i32) (param $needleLength i32) (result i32)
    (local $last i32) (local $i i32)
    (local.set $last (i32.sub (i32.add (local.get $text) (local.get $textLength)) (local.get $needleLength)))
    (block $absent
      (loop $next
        (br_if $absent (i32.gt_s (local.get $text) (local.get $last)))
        (local.set $i (i32.const 0))
        (block $differs
          (loop $same
            (if (i32.eq (local.get $i) (local.get $needleLength)) (then (return (local.get $text))))
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (local.get $text) (local.get $i)))
              (i32.load8_u (i32.add (local.get $needle) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $same)))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (br $next)))
    (i32.const -1))`;
