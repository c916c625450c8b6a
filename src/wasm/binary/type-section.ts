/**
 * Reads the types of a module as far as the rewrite needs them: how many there are, how large their objects are,
 * and which functions' results can be split. It does not check that types make sense; the engine does.
 * https://webassembly.github.io/spec/core/binary/types.html
 */

import { type ByteReader, invalidModule } from "./byte-reader.ts";
import { emptyBlockType, typeCode } from "./opcode.ts";

/** Engine overhead of a garbage-collected object: cell header, type, length, allocation granularity. */
export const objectHeaderBytes = 32;

const referenceBytes = 8;

/** No ABI has handlers with more; bounds what a split export adds to a module. */
const maxSplitParameters = 16;

/** While types are read: they may name later ones of their group, and no others, which the engine checks. */
const anyTypeCount = Number.POSITIVE_INFINITY;

export const typeKind = { func: 1, struct: 2, array: 3 } as const;

/** By type index. */
export class TypeTable {
  /** `typeKind` of each type. */
  readonly kinds: number[] = [];
  /** Bytes of all fields of a struct, of one element of an array; 0 for functions. */
  readonly bytes: number[] = [];
  /** How many parameters a function takes; 0 for others. */
  readonly parameters: number[] = [];
  /** How many results a function gives; 0 for others. */
  readonly results: number[] = [];
  /** Where the parameters of a function type begin in the module, with their count, and its results behind them; 0 for others. */
  readonly signatureStarts: number[] = [];
  /** Types of functions (i32 ...) -> i64. */
  readonly splittable = new Set<number>();

  get length(): number {
    return this.kinds.length;
  }

  add(kind: number, bytes: number, parameters = 0, results = 0, signatureStart = 0): void {
    this.kinds.push(kind);
    this.bytes.push(bytes);
    this.parameters.push(parameters);
    this.results.push(results);
    this.signatureStarts.push(signatureStart);
  }
}

export function readTypeSection(reader: ByteReader): TypeTable {
  const table = new TypeTable();
  for (let left = reader.count(); left > 0; left--) readRecursiveType(reader, table);
  return table;
}

function readRecursiveType(reader: ByteReader, table: TypeTable): void {
  const form = reader.u8();
  if (form !== typeCode.rec) {
    readSubType(reader, form, table);
    return;
  }
  for (let left = reader.count(); left > 0; left--) readSubType(reader, reader.u8(), table);
}

function readSubType(reader: ByteReader, form: number, table: TypeTable): void {
  if (form !== typeCode.sub && form !== typeCode.subFinal) {
    readCompositeType(reader, form, table);
    return;
  }
  for (let left = reader.count(); left > 0; left--) reader.u32();
  readCompositeType(reader, reader.u8(), table);
}

function readCompositeType(reader: ByteReader, form: number, table: TypeTable): void {
  switch (form) {
    case typeCode.func: {
      const start = reader.at;
      const parameters = reader.count();
      for (let left = parameters; left > 0; left--) skipValueType(reader, anyTypeCount);
      const results = reader.count();
      for (let left = results; left > 0; left--) skipValueType(reader, anyTypeCount);
      if (isSplittable(reader.bytes.subarray(start, reader.at))) table.splittable.add(table.length);
      table.add(typeKind.func, 0, parameters, results, start);
      return;
    }
    case typeCode.struct: {
      let size = 0;
      for (let left = reader.count(); left > 0; left--) size += fieldBytes(reader);
      table.add(typeKind.struct, size);
      return;
    }
    case typeCode.array:
      table.add(typeKind.array, fieldBytes(reader));
      return;
    default:
      throw invalidModule(`type form 0x${form.toString(16)} is unknown`, reader.at - 1);
  }
}

/** `signature`: the parameters and results of a function type, each with its count. */
function isSplittable(signature: Uint8Array): boolean {
  const [parameters = 0] = signature;
  return (
    parameters <= maxSplitParameters &&
    signature.length === parameters + 3 &&
    signature.subarray(1, 1 + parameters).every((type) => type === typeCode.i32) &&
    signature[parameters + 1] === 1 &&
    signature[parameters + 2] === typeCode.i64
  );
}

function fieldBytes(reader: ByteReader): number {
  const size = storageBytes(reader);
  const mutability = reader.u8();
  if (mutability > 1) throw invalidModule(`mutability ${mutability} is unknown`, reader.at - 1);
  return size;
}

function storageBytes(reader: ByteReader): number {
  const code = reader.u8();
  switch (code) {
    case typeCode.i8:
      return 1;
    case typeCode.i16:
      return 2;
    case typeCode.i32:
    case typeCode.f32:
      return 4;
    case typeCode.i64:
    case typeCode.f64:
      return 8;
    case typeCode.v128:
      return 16;
    default:
      reader.at--;
      skipValueType(reader, anyTypeCount);
      return referenceBytes;
  }
}

/** Types are checked against `typeCount`: an index behind the guest's types would name one that the rewrite adds. */
export function skipValueType(reader: ByteReader, typeCount: number): void {
  const code = reader.u8();
  if (code >= typeCode.v128 && code <= typeCode.i32) return;
  if (code >= typeCode.lastAbstractHeap && code <= typeCode.firstAbstractHeap) return;
  if (code === typeCode.ref || code === typeCode.refNull) {
    skipHeapType(reader, typeCount);
    return;
  }
  throw invalidModule(`value type 0x${code.toString(16)} is unknown`, reader.at - 1);
}

/** A block of one result and no parameter, or of neither. */
export const oneResult = -1;
export const noResult = -2;

/** Answers `oneResult`, `noResult`, or the index of a type. */
export function readBlockType(reader: ByteReader, typeCount: number): number {
  const code = reader.u8();
  if (code === emptyBlockType) return noResult;
  reader.at--;
  if (code === typeCode.ref || code === typeCode.refNull) {
    skipValueType(reader, typeCount);
    return oneResult;
  }
  return Math.max(oneResult, readHeapType(reader, typeCount));
}

/** Answers the index of a type, or a negative number for an abstract one. */
function readHeapType(reader: ByteReader, typeCount: number): number {
  const at = reader.at;
  const type = reader.s33();
  if (type >= typeCount) throw invalidModule(`type ${type} does not exist`, at);
  return type;
}

export function skipHeapType(reader: ByteReader, typeCount: number): void {
  readHeapType(reader, typeCount);
}
