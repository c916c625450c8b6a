/** Small guests written in the test that needs them: WebAssembly text in, a module of the JSON ABI out. */

import initWabt from "wabt";

const PAGE_BYTES = 65_536;
/** Where a constant guest keeps its result, beyond what its allocator hands out. */
const RESULT_AT = 8 * PAGE_BYTES;

export interface GuestParts {
  /** Body of `alloc`; the size is `$size`. */
  readonly alloc?: string;
  /** Body of both handlers; `$pointer` and `$length` describe the input. */
  readonly handler?: string;
  readonly onlyRequests?: boolean;
  /** Further definitions: exports, globals, data. */
  readonly more?: string;
}

/** Hands out ever the same room, which a guest that is asked one thing at a time can do. */
const FIXED_ALLOC = "(i32.const 1024)";

const wabt = await initWabt();

export function compileWat(wat: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat("guest.wat", wat, { exceptions: true });
  const binary = module.toBinary({ write_debug_names: true }).buffer;
  module.destroy();
  return new Uint8Array(binary);
}

export function guestOf(parts: GuestParts): Uint8Array<ArrayBuffer> {
  const handler = parts.handler ?? "(i64.const 0)";
  const response =
    parts.onlyRequests === true
      ? ""
      : `(func (export "on_response_headers") (param $pointer i32) (param $length i32) (result i64) ${handler})`;
  return compileWat(`(module
    (memory (export "memory") 16)
    (func (export "alloc") (param $size i32) (result i32) ${parts.alloc ?? FIXED_ALLOC})
    (func (export "dealloc") (param i32 i32))
    (func (export "on_request_headers") (param $pointer i32) (param $length i32) (result i64) ${handler})
    ${response}
    ${parts.more ?? ""})`);
}

/** A guest that answers every event with the same bytes. */
export function constantGuest(result: string | Uint8Array, more = ""): Uint8Array<ArrayBuffer> {
  const bytes = typeof result === "string" ? Buffer.from(result) : result;
  return guestOf({
    handler: packed(RESULT_AT, bytes.length),
    more: `(data (i32.const ${RESULT_AT}) "${escaped(bytes)}") ${more}`,
  });
}

/** A guest that answers every event with its own input: whoever asks chooses the result. */
export function echoGuest(): Uint8Array<ArrayBuffer> {
  return guestOf({
    handler:
      "(i64.or (i64.shl (i64.extend_i32_u (local.get $pointer)) (i64.const 32)) (i64.extend_i32_u (local.get $length)))",
  });
}

/** The packed result of a handler: pointer in the high half, length in the low one. */
export function packed(pointer: number, length: number): string {
  return `(i64.const ${(BigInt.asUintN(32, BigInt(pointer)) << 32n) | BigInt.asUintN(32, BigInt(length))})`;
}

function escaped(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}
