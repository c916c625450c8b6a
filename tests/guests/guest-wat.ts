/**
 * Completes the text of a guest: a file of this folder holds only what is special about it, and gets the ordinary rest
 * of a JSON-ABI module from here.
 */

/** A guest that has this function handles every kind of event: those without bytes of their own give it none. */
const HANDLES_BYTES = "(func $handle_bytes";

interface Piece {
  /** The piece is left out when the guest's text has this. */
  readonly marks: string;
  /** Only for guests whose text has this. */
  readonly needs?: string;
  readonly text: string;
}

/** What every module has. */
const ORDINARY: readonly Piece[] = [
  { marks: "(memory ", text: `(memory (export "memory") 2)` },
  {
    // An event has two inputs, its JSON and its bytes: one after the other, from the second page on.
    marks: "(func $alloc ",
    needs: HANDLES_BYTES,
    text: `(global $top (mut i32) (i32.const 65536))
(func $alloc (export "alloc") (param $size i32) (result i32)
  (local $pointer i32)
  (local.set $pointer (global.get $top))
  (global.set $top
    (i32.and (i32.add (i32.add (local.get $pointer) (local.get $size)) (i32.const 7)) (i32.const -8)))
  (call $reserve (global.get $top))
  (local.get $pointer))`,
  },
  {
    // The host frees after the event only.
    marks: "(func $dealloc ",
    needs: HANDLES_BYTES,
    text: `(func $dealloc (export "dealloc") (param $pointer i32) (param $size i32)
  (global.set $top (i32.const 65536)))`,
  },
  ...(["on_request_body", "on_response_body", "on_websocket_frame"] as const).map((name) => ({
    marks: `(func $${name}`,
    needs: HANDLES_BYTES,
    text: `(func $${name} (export "${name}")
  (param $pointer i32) (param $length i32) (param $bytes i32) (param $bytes_length i32) (result i64)
  (call $handle_bytes
    (local.get $pointer) (local.get $length) (local.get $bytes) (local.get $bytes_length)))`,
  })),
  {
    marks: "(func $on_guardrail",
    needs: HANDLES_BYTES,
    text: `(func $on_guardrail (export "on_guardrail") (param $pointer i32) (param $length i32) (result i64)
  (call $handle_bytes (local.get $pointer) (local.get $length) (i32.const 0) (i32.const 0)))`,
  },
  {
    // One event at a time: its input always lies on the second page.
    marks: "(func $alloc ",
    text: `(func $alloc (export "alloc") (param $size i32) (result i32)
  (call $reserve (i32.add (local.get $size) (i32.const 65536)))
  (i32.const 65536))`,
  },
  {
    marks: "(func $dealloc ",
    text: `(func $dealloc (export "dealloc") (param $pointer i32) (param $size i32))`,
  },
  {
    marks: "(func $on_request_headers",
    text: `(func $on_request_headers (export "on_request_headers") (param $pointer i32) (param $length i32) (result i64)
  (call $handle (local.get $pointer) (local.get $length)))`,
  },
  {
    marks: "(func $on_response_headers",
    text: `(func $on_response_headers (export "on_response_headers") (param $pointer i32) (param $length i32) (result i64)
  (call $handle (local.get $pointer) (local.get $length)))`,
  },
];

/**
 * Functions to call, here so that later ones come before those they call: a piece is added when the text so far calls
 * it and does not bring it. Memory below 64, and from 1024 to 2047, belongs to them.
 */
const ON_CALL: readonly { readonly name: string; readonly text: string }[] = [
  {
    name: "handle",
    text: `(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $allow))`,
  },
  {
    name: "allow_with_number",
    text: `;; {"decision":"allow","tags":["n-<number>"]}, put together at 1152.
(data (i32.const 1024) "{\\"decision\\":\\"allow\\",\\"tags\\":[\\"n-")
(data (i32.const 1088) "\\"]}")
(func $allow_with_number (param $number i32) (result i64)
  (local $end i32)
  (local.set $end (call $append (i32.const 1152) (i32.const 1024) (i32.const 31)))
  (local.set $end (call $append_number (local.get $end) (local.get $number)))
  (local.set $end (call $append (local.get $end) (i32.const 1088) (i32.const 3)))
  (call $result (i32.const 1152) (i32.sub (local.get $end) (i32.const 1152))))`,
  },
  {
    name: "append_number",
    text: `(func $append_number (param $to i32) (param $number i32) (result i32)
  (if (i32.ge_u (local.get $number) (i32.const 10))
    (then (local.set $to
      (call $append_number (local.get $to) (i32.div_u (local.get $number) (i32.const 10))))))
  (i32.store8 (local.get $to)
    (i32.add (i32.const 0x30) (i32.rem_u (local.get $number) (i32.const 10))))
  (i32.add (local.get $to) (i32.const 1)))`,
  },
  {
    name: "append",
    text: `;; Returns where the copy ends.
(func $append (param $to i32) (param $from i32) (param $length i32) (result i32)
  (memory.copy (local.get $to) (local.get $from) (local.get $length))
  (i32.add (local.get $to) (local.get $length)))`,
  },
  {
    name: "reserve",
    text: `;; Grows the memory, where needed, until it holds the bytes below $end.
(func $reserve (param $end i32)
  (local $pages i32)
  (local.set $pages (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16)))
  (if (i32.gt_u (local.get $pages) (memory.size))
    (then (if (i32.eq (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const -1))
      (then (unreachable))))))`,
  },
  {
    name: "allow",
    text: `(data (i32.const 16) "{\\"decision\\":\\"allow\\"}")
(func $allow (result i64)
  (call $result (i32.const 16) (i32.const 20)))`,
  },
  {
    name: "result",
    text: `(func $result (param $pointer i32) (param $length i32) (result i64)
  (i64.or
    (i64.shl (i64.extend_i32_u (local.get $pointer)) (i64.const 32))
    (i64.extend_i32_u (local.get $length))))`,
  },
];

/** The whole module, in the text format; `values` fill the {PLACEHOLDERS} of the guest's own text. */
export function guestWat(guest: string, values: Readonly<Record<string, string>> = {}): string {
  let text = guest.replace(/\{([A-Z]+)\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new Error(`the guest's text has ${placeholder}, but no value is given for it`);
    return value;
  });
  for (const { marks, needs = "", text: piece } of ORDINARY) {
    if (text.includes(needs) && !text.includes(marks)) text += `\n${piece}\n`;
  }
  for (const { name, text: piece } of ON_CALL) {
    if (text.includes(`(call $${name}`) && !text.includes(`(func $${name} `)) text += `\n${piece}\n`;
  }
  return `(module\n${text})\n`;
}
