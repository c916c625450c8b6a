/**
 * The three imports of http-wasm whose result is an i64: two numbers of 32 bits each. A JavaScript function would have
 * to make a BigInt for it. So guests are linked with functions of a small WebAssembly module, which calls JavaScript for
 * one f64 that holds both, and converts it.
 *
 * `read_body` can wait besides: where JavaScript answers with a negative number, the module calls a function that suspends
 * the guest until its body is there, and asks again. Between the guest and that function there may be no JavaScript
 * (https://github.com/WebAssembly/js-promise-integration).
 */

import { call, functionType, localGet, sequence, unsignedLeb } from "../../wasm/binary/instruction-bytes.ts";
import { MODULE_HEADER } from "../../wasm/binary/header.ts";
import { emptyBlockType, opcode, typeCode } from "../../wasm/binary/opcode.ts";

/** Both halves as one number, exact as long as the high one stays below 2^21. */
export function packed(high: number, low: number): number {
  return high * 2 ** 32 + low;
}

/** Instead of a result of `readBody`: wait, and ask again. */
export const WAIT = -1;

export interface PackedFunctions {
  readonly getHeaderNames: (kind: number, buffer: number, limit: number) => number;
  readonly getHeaderValues: (
    kind: number,
    name: number,
    nameLength: number,
    buffer: number,
    limit: number,
  ) => number;
  readonly readBody: (kind: number, buffer: number, limit: number) => number;
  /** Called only after `WAIT`. A promise suspends the guest until it resolves. */
  readonly wait: () => Promise<void>;
}

/** By the names of the imports. */
export type PackedImports = Readonly<
  Record<"get_header_names" | "get_header_values" | "read_body", () => void>
>;

const HOST = "host";
const { i32, i64, f64 } = typeCode;
const I64_TRUNC_F64_S = 0xb0;
const F64_LT = 0x63;

/** One for all instances. */
export function compilePackedResults(): WebAssembly.Module {
  return new WebAssembly.Module(moduleBytes());
}

export function linkPackedResults(module: WebAssembly.Module, functions: PackedFunctions): PackedImports {
  const imports = {
    [HOST]: {
      names: functions.getHeaderNames,
      values: functions.getHeaderValues,
      body: functions.readBody,
      wait: new WebAssemblyWithSuspending.Suspending(functions.wait),
    },
  };
  return new WebAssembly.Instance(module, imports).exports as PackedImports;
}

/** Calls an export so that the guest may be suspended: the promise resolves when it returns. */
export function suspendable(
  run: (...parameters: number[]) => number,
): (...parameters: number[]) => Promise<number> {
  return WebAssemblyWithSuspending.promising(run);
}

/** The engine has it, its type declarations do not. */
const WebAssemblyWithSuspending = WebAssembly as typeof WebAssembly & {
  readonly Suspending: new (run: () => Promise<void>) => () => void;
  promising(run: (...parameters: number[]) => number): (...parameters: number[]) => Promise<number>;
};

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const three = [i32, i32, i32];
  const five = [...three, i32, i32];
  const type = { threeToF64: 0, fiveToF64: 1, nothing: 2, threeToI64: 3, fiveToI64: 4 };
  const imported = { names: 0, values: 1, body: 2, wait: 3 };
  const parameters = (count: number) => Array.from({ length: count }, (_, index) => localGet(index));
  const convertResult = (index: number, count: number): Code =>
    sequence(0, ...parameters(count), call(index), I64_TRUNC_F64_S, opcode.end);
  const result = 3;
  const readBody = sequence(
    [1, 1, f64],
    opcode.loop,
    emptyBlockType,
    ...parameters(3),
    call(imported.body),
    [opcode.localTee, result],
    f64Const(0),
    F64_LT,
    opcode.if,
    emptyBlockType,
    call(imported.wait),
    [opcode.br, 1],
    opcode.end,
    opcode.end,
    localGet(result),
    I64_TRUNC_F64_S,
    opcode.end,
  );
  return Uint8Array.from(
    sequence(
      MODULE_HEADER,
      section(1, [
        functionType(three, [f64]),
        functionType(five, [f64]),
        functionType([], []),
        functionType(three, [i64]),
        functionType(five, [i64]),
      ]),
      section(2, [
        sequence(name(HOST), name("names"), 0, type.threeToF64),
        sequence(name(HOST), name("values"), 0, type.fiveToF64),
        sequence(name(HOST), name("body"), 0, type.threeToF64),
        sequence(name(HOST), name("wait"), 0, type.nothing),
      ]),
      section(3, [[type.threeToI64], [type.fiveToI64], [type.threeToI64]]),
      section(7, [
        sequence(name("get_header_names"), 0, 4),
        sequence(name("get_header_values"), 0, 5),
        sequence(name("read_body"), 0, 6),
      ]),
      section(10, [
        withSize(convertResult(imported.names, 3)),
        withSize(convertResult(imported.values, 5)),
        withSize(readBody),
      ]),
    ),
  );
}

type Code = readonly number[];

function section(id: number, entries: readonly Code[]): Code {
  return sequence(id, withSize(sequence(unsignedLeb(entries.length), ...entries)));
}

function withSize(content: Code): Code {
  return sequence(unsignedLeb(content.length), content);
}

function name(text: string): Code {
  return withSize([...Buffer.from(text)]);
}

function f64Const(value: number): Code {
  return [opcode.f64Const, ...new Uint8Array(new Float64Array([value]).buffer)];
}
