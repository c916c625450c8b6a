/** A guest with a handler for every kind of event that answers each with the same text. */

import { assembleWat } from "./assemble-guest.ts";
import { guestWat } from "./guest-wat.ts";

const OWN = `
(data (i32.const 2048) "{RESULT}")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $result (i32.const 2048) (i32.const {LENGTH})))
(func $handle_bytes
  (param $pointer i32) (param $length i32) (param $bytes i32) (param $bytes_length i32) (result i64)
  (call $result (i32.const 2048) (i32.const {LENGTH})))`;

export function replyToEveryEvent(result: string): Promise<Uint8Array<ArrayBuffer>> {
  const wat = guestWat(OWN, {
    RESULT: result.replaceAll(/[\\"]/g, "\\$&"),
    LENGTH: `${Buffer.byteLength(result)}`,
  });
  return assembleWat("reply-to-every-event", wat);
}
