/**
 * Calls exported functions without loss. JavaScript has no v128 and does not keep the bits of a NaN, so functions with
 * floats or vectors are called through a small module that takes and gives integers.
 */

import type { ExportedFunction, ValueKind } from "./exported-function.ts";

/** i32: number; i64: bigint; f32: its bits as a number; f64: its bits as a bigint; v128: 128 bits as a bigint; references: themselves. */
export type ExactValue = unknown;

export type TypedCall = (args: readonly ExactValue[]) => readonly ExactValue[];

type ExportedCode = (...args: unknown[]) => unknown;

const typeCodes: Partial<Record<ValueKind, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  anyref: 0x6e,
};

const low64 = (1n << 64n) - 1n;

/**
 * A function whose type is part of a larger type group, or names types of its module, cannot be imported by its
 * signature alone; it is called directly, and its floats go through JavaScript numbers.
 */
export function typedCall(code: ExportedCode, signature: ExportedFunction): TypedCall {
  const { params, results } = signature;
  const inexact = [...params, ...results].some((kind) => kind === "f32" || kind === "f64" || kind === "v128");
  const writable = [...params, ...results].every((kind) => typeCodes[kind] !== undefined);
  const through = inexact && writable ? bridged(code, signature) : undefined;
  if (through === undefined) {
    return directCall(code, signature);
  }
  return (args) => {
    const flat = args.flatMap((value, index) => (params[index] === "v128" ? halves(value) : [value]));
    const returned = list(through(...flat), results.flatMap(flatKind).length);
    let next = 0;
    return results.map((kind) => {
      const value = returned[next++];
      if (kind === "v128") {
        return join(value, returned[next++]);
      }
      if (kind === "f32") {
        return (value as number) >>> 0;
      }
      return kind === "f64" ? (value as bigint) & low64 : value;
    });
  };
}

function bridged(code: ExportedCode, { params, results }: ExportedFunction): ExportedCode | undefined {
  try {
    const bridge = new WebAssembly.Instance(bridgeModule(params, results), { bridged: { code } });
    return bridge.exports["through"] as ExportedCode;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError) {
      return undefined;
    }
    throw error;
  }
}

function directCall(code: ExportedCode, { params, results }: ExportedFunction): TypedCall {
  return (args) => {
    const returned = code(...args.map((value, index) => fromBits(value, params[index])));
    return list(returned, results.length).map((value, index) => toBits(value, results[index]));
  };
}

function fromBits(value: ExactValue, kind: ValueKind | undefined): unknown {
  const bits = new DataView(new ArrayBuffer(8));
  switch (kind) {
    case "f32":
      bits.setUint32(0, value as number);
      return bits.getFloat32(0);
    case "f64":
      bits.setBigUint64(0, value as bigint);
      return bits.getFloat64(0);
    default:
      return value;
  }
}

/** What JavaScript reads of an f32 or f64, a number, as its bits; other values as they are. */
export function toBits(value: unknown, kind: ValueKind | undefined): ExactValue {
  const bits = new DataView(new ArrayBuffer(8));
  switch (kind) {
    case "f32":
      bits.setFloat32(0, value as number);
      return bits.getUint32(0);
    case "f64":
      bits.setFloat64(0, value as number);
      return bits.getBigUint64(0);
    default:
      return value;
  }
}

const modules = new Map<string, WebAssembly.Module>();

function bridgeModule(params: readonly ValueKind[], results: readonly ValueKind[]): WebAssembly.Module {
  const key = `${params}>${results}`;
  const known = modules.get(key);
  if (known !== undefined) {
    return known;
  }
  const module = new WebAssembly.Module(bridgeBytes(params, results));
  modules.set(key, module);
  return module;
}

function bridgeBytes(params: readonly ValueKind[], results: readonly ValueKind[]): Uint8Array<ArrayBuffer> {
  const flatParams = params.flatMap(flatKind);
  const body: number[] = [];
  let local = 0;
  for (const kind of params) {
    body.push(0x20, local++);
    if (kind === "f32") {
      body.push(0xbe);
    } else if (kind === "f64") {
      body.push(0xbf);
    } else if (kind === "v128") {
      body.push(0xfd, 0x12, 0x20, local++, 0xfd, 0x1e, 1);
    }
  }
  body.push(0x10, 0);
  for (let index = results.length - 1; index >= 0; index -= 1) {
    body.push(0x21, flatParams.length + index);
  }
  for (const [index, kind] of results.entries()) {
    const get = [0x20, flatParams.length + index];
    body.push(...get);
    if (kind === "f32") {
      body.push(0xbc);
    } else if (kind === "f64") {
      body.push(0xbd);
    } else if (kind === "v128") {
      body.push(0xfd, 0x1d, 0, ...get, 0xfd, 0x1d, 1);
    }
  }
  const locals = results.map((kind) => [1, code(kind)]);
  const functionType = (from: readonly ValueKind[], to: readonly ValueKind[]): number[] => [
    0x60,
    ...vector(from.map((kind) => [code(kind)])),
    ...vector(to.map((kind) => [code(kind)])),
  ];
  const types = [functionType(params, results), functionType(flatParams, results.flatMap(flatKind))];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([[...name("bridged"), ...name("code"), 0, 0]])),
    ...section(3, vector([[1]])),
    ...section(7, vector([[...name("through"), 0, 1]])),
    ...section(10, vector([sized([...vector(locals), ...body, 0x0b])])),
  ]);
}

function flatKind(kind: ValueKind): ValueKind[] {
  if (kind === "v128") {
    return ["i64", "i64"];
  }
  return [kind === "f32" ? "i32" : kind === "f64" ? "i64" : kind];
}

function halves(value: ExactValue): bigint[] {
  const bits = value as bigint;
  return [bits & low64, bits >> 64n];
}

function join(low: ExactValue, high: ExactValue): bigint {
  return ((low as bigint) & low64) | (((high as bigint) & low64) << 64n);
}

function list(returned: unknown, count: number): unknown[] {
  if (count === 0) {
    return [];
  }
  return count === 1 ? [returned] : [...(returned as Iterable<unknown>)];
}

function code(kind: ValueKind): number {
  return typeCodes[kind]!;
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...sized(content)];
}

function sized(content: readonly number[]): number[] {
  return [...leb(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...leb(items.length), ...items.flat()];
}

function name(text: string): number[] {
  return sized([...new TextEncoder().encode(text)]);
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}
