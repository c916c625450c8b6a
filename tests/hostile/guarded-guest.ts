/**
 * The guests of tests/guests, made to misbehave only when the event is large, so that every other request has a right
 * answer: "allow".
 */

import { join } from "node:path";
import { assembleWat } from "../guests/assemble-guest.ts";
import { type GuestName, recipeOf } from "../guests/guest-list.ts";
import { guestWat } from "../guests/guest-wat.ts";

/** What a request must bring along to be poison. */
export const POISON_PADDING = 8192;
/** The guest's input from which on it misbehaves. */
const POISON_BYTES = 4096;

const GUESTS_FOLDER = join(import.meta.dir, "../guests");

/** Which parameter tells the size, where a guest misbehaves in the middle of a function. */
const SIZE_PARAMETER: Readonly<Record<string, string>> = {
  "in-alloc": "$size",
  "in-dealloc": "$size",
  "in-handler": "$length",
};

export function guardedReply(result: string): Promise<Uint8Array> {
  return assembleWat("reply", guardedWat(replyText(result)));
}

export async function guardedGuest(name: GuestName): Promise<Uint8Array> {
  const { from } = recipeOf(name);
  if (from.kind === "reply") return assembleWat(name, guardedWat(replyText(from.result)));
  const own = await Bun.file(join(GUESTS_FOLDER, `${from.file}.wat`)).text();
  const size = SIZE_PARAMETER[from.file];
  if (size !== undefined) {
    const misbehave = `(if ${isPoison(size)} (then ${from.values["MISBEHAVE"]}))`;
    return assembleWat(name, guestWat(own, { ...from.values, MISBEHAVE: misbehave }));
  }
  if (from.file === "alloc-returns") {
    const pointer = `(if (result i32) ${isPoison("$size")} (then (i32.const {POINTER})) (else (i32.const 1024)))`;
    return assembleWat(name, guestWat(own.replace("(i32.const {POINTER})", pointer), from.values));
  }
  return assembleWat(name, guardedWat(own, from.values));
}

/** `text` defines `$handle`, as the files of tests/guests do: it is called for poison only. */
export function guardedWat(text: string, values: Readonly<Record<string, string>> = {}): string {
  const guarded = `${text.replace("(func $handle ", "(func $misbehave ")}
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (if (result i64) ${isPoison("$length")}
    (then (call $misbehave (local.get $pointer) (local.get $length)))
    (else (call $allow))))
`;
  return guestWat(guarded, values);
}

/** Beyond the input, which is smaller than a page and lies on the second one. */
const RESULT_AT = 2 * 65_536;

function replyText(result: string | Uint8Array): string {
  const bytes = Buffer.from(result);
  const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  const pages = Math.max(4, Math.ceil((RESULT_AT + bytes.length) / 65_536));
  return `(memory (export "memory") ${pages})
(data (i32.const ${RESULT_AT}) "${escaped}")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $result (i32.const ${RESULT_AT}) (i32.const ${bytes.length})))
`;
}

function isPoison(parameter: string): string {
  return `(i32.gt_u (local.get ${parameter}) (i32.const ${POISON_BYTES}))`;
}
