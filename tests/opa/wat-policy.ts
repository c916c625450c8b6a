/**
 * Policies written by hand: modules with the exports of OPA's ABI that do what a test wants, small and hostile where it
 * needs them to be. What OPA itself compiles is for conformance.test.ts.
 */

import { assembleWat } from "../guests/assemble-guest.ts";

export interface WatPolicy {
  /**
   * The body of `opa_eval`, which has the locals $entrypoint, $data, $input and $length: pushes the address of the
   * result. `(call $decide_true)` and `(call $decide_false)` push those, `(call $contains_boom $at $length)` looks for it.
   */
  readonly eval: string;
  /** JSON: id by name. The entrypoint 0 decides on requests. */
  readonly entrypoints?: string;
  readonly builtins?: string;
  /** Texts by address, from 1024 to 32768, that end with a zero byte. */
  readonly data?: ReadonlyMap<number, string>;
  /** Further definitions. */
  readonly more?: string;
  readonly version?: readonly [major: number, minor: number];
  /** Instead of the function of that name, or "" for none. */
  readonly exports?: Readonly<Record<string, string>>;
}

const TEXTS = { true: 512, false: 544, builtins: 600, entrypoints: 800 } as const;
const HEAP = 65_536;

const EXPORTS: Readonly<Record<string, string>> = {
  opa_malloc: `(func (export "opa_malloc") (param $size i32) (result i32) (call $malloc (local.get $size)))`,
  opa_free: `(func (export "opa_free") (param i32))`,
  opa_heap_ptr_get: `(func (export "opa_heap_ptr_get") (result i32) (global.get $heap))`,
  opa_heap_ptr_set: `(func (export "opa_heap_ptr_set") (param $to i32) (global.set $heap (local.get $to)))`,
  opa_json_parse: `(func (export "opa_json_parse") (param $at i32) (param $length i32) (result i32) (local.get $at))`,
  opa_json_dump: `(func (export "opa_json_dump") (param $value i32) (result i32) (local.get $value))`,
  opa_value_parse: `(func (export "opa_value_parse") (param $at i32) (param $length i32) (result i32) (local.get $at))`,
  opa_value_dump: `(func (export "opa_value_dump") (param $value i32) (result i32) (local.get $value))`,
  builtins: `(func (export "builtins") (result i32) (i32.const ${TEXTS.builtins}))`,
  entrypoints: `(func (export "entrypoints") (result i32) (i32.const ${TEXTS.entrypoints}))`,
};

export function watPolicy(name: string, policy: WatPolicy): Promise<Uint8Array<ArrayBuffer>> {
  return assembleWat(name, policyWat(policy));
}

export function policyWat(policy: WatPolicy): string {
  const [major, minor] = policy.version ?? [1, 3];
  const texts = new Map<number, string>([
    [TEXTS.true, '[{"result":true}]'],
    [TEXTS.false, '[{"result":false}]'],
    [TEXTS.builtins, policy.builtins ?? "{}"],
    [TEXTS.entrypoints, policy.entrypoints ?? '{"test/allow":0}'],
    ...(policy.data ?? []),
  ]);
  const exports = { ...EXPORTS, ...policy.exports };
  return `(module
  (import "env" "memory" (memory 2))
  (import "env" "opa_abort" (func $opa_abort (param i32)))
  (import "env" "opa_builtin0" (func $builtin0 (param i32 i32) (result i32)))
  (import "env" "opa_builtin1" (func $builtin1 (param i32 i32 i32) (result i32)))
  (import "env" "opa_builtin2" (func $builtin2 (param i32 i32 i32 i32) (result i32)))
  (global $heap (mut i32) (i32.const ${HEAP}))
  (global (export "opa_wasm_abi_version") i32 (i32.const ${major}))
  (global (export "opa_wasm_abi_minor_version") i32 (i32.const ${minor}))
  ${[...texts].map(([at, text]) => `(data (i32.const ${at}) "${escaped(text)}\\00")`).join("\n  ")}
  ${Object.values(exports).join("\n  ")}
  (func $malloc (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $fits (i32.ne (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))) (i32.const -1)))
      (call $opa_abort (i32.const ${TEXTS.true})))
    (local.get $at))
  (func $decide_true (result i32) (i32.const ${TEXTS.true}))
  (func $decide_false (result i32) (i32.const ${TEXTS.false}))
  (func $contains (param $at i32) (param $length i32) (param $word i32) (result i32)
    (local $last i32)
    (local.set $last (i32.add (local.get $at) (local.get $length)))
    (loop $next
      (if (i32.le_u (i32.add (local.get $at) (i32.const 4)) (local.get $last))
        (then
          (if (i32.eq (i32.load align=1 (local.get $at)) (local.get $word)) (then (return (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (i32.const 0))
  (func $contains_boom (param $at i32) (param $length i32) (result i32)
    (call $contains (local.get $at) (local.get $length) (i32.const ${fourLetters("boom")})))
  ${policy.more ?? ""}
  (func (export "opa_eval")
    (param $reserved i32) (param $entrypoint i32) (param $data i32) (param $input i32) (param $length i32)
    (param $new_heap i32) (param $format i32) (result i32)
    (global.set $heap (local.get $new_heap))
    ${policy.eval})
)`;
}

export function fourLetters(word: string): number {
  return Buffer.from(word).readUInt32LE(0);
}

function escaped(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\${byte.toString(16).padStart(2, "0")}`,
    )
    .join("");
}
