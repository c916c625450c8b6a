/**
 * Bytes of the few instructions the rewrite writes itself, for function bodies put together from arrays.
 */

import { bulkOpcode, emptyBlockType, opcode, typeCode } from "./opcode.ts";

export type Code = readonly number[];

/** Opcodes and longer pieces of code, one after the other. */
export function sequence(...parts: readonly (number | Code)[]): Code {
  return parts.flat();
}

export function unsignedLeb(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

export function signedLeb(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x3f || rest < -0x40) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}

export const localGet = (index: number): Code => [opcode.localGet, ...unsignedLeb(index)];
export const localSet = (index: number): Code => [opcode.localSet, ...unsignedLeb(index)];
export const localTee = (index: number): Code => [opcode.localTee, ...unsignedLeb(index)];
export const globalGet = (index: number): Code => [opcode.globalGet, ...unsignedLeb(index)];
export const globalSet = (index: number): Code => [opcode.globalSet, ...unsignedLeb(index)];
export const i32Const = (value: number): Code => [opcode.i32Const, ...signedLeb(value)];
export const i64Const = (value: number): Code => [opcode.i64Const, ...signedLeb(value)];
export const call = (index: number): Code => [opcode.call, ...unsignedLeb(index)];
export const brIf = (label: number): Code => [opcode.brIf, ...unsignedLeb(label)];
export const memorySize = (memory: number): Code => [opcode.memorySize, ...unsignedLeb(memory)];
export const memoryGrow = (memory: number): Code => [opcode.memoryGrow, ...unsignedLeb(memory)];
export const tableSize = (table: number): Code => bulk(bulkOpcode.tableSize, table);

export function bulk(code: number, ...immediates: readonly number[]): Code {
  return sequence(opcode.bulkPrefix, unsignedLeb(code), ...immediates.map(unsignedLeb));
}

/** `if` without results; the condition stands before it. */
export function whenTrue(...body: readonly (number | Code)[]): Code {
  return sequence(opcode.if, emptyBlockType, ...body, opcode.end);
}

/** `if` and `else` without results. */
export function either(yes: Code, no: Code): Code {
  return sequence(opcode.if, emptyBlockType, yes, opcode.else, no, opcode.end);
}

export function loop(...body: readonly (number | Code)[]): Code {
  return sequence(opcode.loop, emptyBlockType, ...body, opcode.end);
}

/** A function body with at most one local of its own. */
export function functionBody(local: number | null, code: Code): Code {
  return sequence(local === null ? 0 : [1, 1, local], code, opcode.end);
}

/** The bytes of a function type over value types of one byte each. */
export function functionType(parameters: Code, results: Code): Code {
  return sequence(typeCode.func, parameters.length, parameters, results.length, results);
}
