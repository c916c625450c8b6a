/**
 * Scans the instructions behind a prefix byte: garbage collection, bulk operations, SIMD, atomics.
 */

import { type ByteReader, invalidModule } from "../binary/byte-reader.ts";
import { editKind } from "./edit-list.ts";
import { atomicCost, callCost, simdShape, simdShapes, waitCost } from "./instruction-shape.ts";
import { bytesPerUnitShift } from "./limit-helpers.ts";
import { atomicOpcode, bulkOpcode, gcOpcode, opcode } from "../binary/opcode.ts";
import { hex, type ScanContext, unsupportedInstruction } from "./scan-context.ts";
import { objectHeaderBytes, skipHeapType, typeKind } from "../binary/type-section.ts";

/** The alignment of a memory access carries this bit when the index of its memory follows. */
const namesMemory = 0x40;

/** A constant length up to this is charged where it stands instead of in a helper. */
const shortLength = 1024;

const allocationCost = 20;

export function skipMemoryAccess(reader: ByteReader): void {
  if (reader.u32() & namesMemory) reader.u32();
  reader.u32();
}

/** `memory.fill`, `table.copy` and most of their kind take three. */
const bulkOperands = 3;

export function scanSimd({ complexity }: ScanContext, reader: ByteReader, at: number): void {
  const code = reader.u32();
  switch (simdShapes[code]) {
    case simdShape.plain:
      return;
    case simdShape.memoryAccess:
      skipMemoryAccess(reader);
      return;
    case simdShape.lane:
      reader.u8();
      return;
    case simdShape.memoryAccessLane:
      skipMemoryAccess(reader);
      reader.u8();
      return;
    case simdShape.sixteenBytes:
      complexity.step(1, 0);
      reader.skip(16);
      return;
    default:
      throw unsupportedInstruction(`${hex(opcode.simdPrefix)} ${hex(code)}`, at);
  }
}

export function scanAtomic(context: ScanContext, reader: ByteReader, at: number): void {
  const code = reader.u32();
  const isWait = code === atomicOpcode.wait32 || code === atomicOpcode.wait64;
  context.paths.charge(isWait ? waitCost : atomicCost, at);
  if (code === atomicOpcode.fence) {
    reader.u8();
    return;
  }
  const isAccess = code >= atomicOpcode.firstAccess && code <= atomicOpcode.lastAccess;
  if (!isAccess && code > atomicOpcode.wait64) {
    throw unsupportedInstruction(`${hex(opcode.atomicPrefix)} ${hex(code)}`, at);
  }
  skipMemoryAccess(reader);
  if (isWait) context.edits.push(at, editKind.dropTimeout, 0);
}

export function scanBulk(context: ScanContext, reader: ByteReader, at: number): void {
  const code = reader.u32();
  if (code <= bulkOpcode.lastConversion) return;
  if (code >= bulkOpcode.firstWideArithmetic && code <= bulkOpcode.lastWideArithmetic) return;
  switch (code) {
    case bulkOpcode.memoryFill: {
      context.complexity.step(-bulkOperands, 0);
      const memory = context.memoryIndex(reader);
      if (!chargeShort(context, at))
        context.replaceByHelper(at, reader.at, context.helpers.fillMemory(memory));
      return;
    }
    case bulkOpcode.memoryCopy: {
      context.complexity.step(-bulkOperands, 0);
      const to = context.memoryIndex(reader);
      const from = context.memoryIndex(reader);
      if (!chargeShort(context, at))
        context.replaceByHelper(at, reader.at, context.helpers.copyMemory(to, from));
      return;
    }
    case bulkOpcode.memoryInit:
      reader.u32();
      reader.u32();
      context.complexity.step(-bulkOperands, 0);
      if (!chargeShort(context, at)) context.insertHelper(at, context.helpers.chargeBytes());
      return;
    case bulkOpcode.tableGrow: {
      const table = context.tableIndex(reader);
      const type = context.tableTypes[table] ?? [];
      context.replaceByHelper(at, reader.at, context.helpers.growTable(table, type));
      return;
    }
    case bulkOpcode.tableInit:
    case bulkOpcode.tableCopy:
      reader.u32();
      reader.u32();
      context.complexity.step(-bulkOperands, 0);
      context.insertHelper(at, context.helpers.chargeElements());
      return;
    case bulkOpcode.tableFill:
      reader.u32();
      context.insertHelper(at, context.helpers.chargeElements());
      return;
    case bulkOpcode.dataDrop:
    case bulkOpcode.elemDrop:
    case bulkOpcode.tableSize:
      reader.u32();
      return;
    default:
      throw unsupportedInstruction(`${hex(opcode.bulkPrefix)} ${hex(code)}`, at);
  }
}

export function scanGc(context: ScanContext, reader: ByteReader, at: number): void {
  const code = reader.u32();
  switch (code) {
    case gcOpcode.structNew:
    case gcOpcode.structNewDefault: {
      const type = context.typeIndex(reader, typeKind.struct);
      countObject(context, at, context.typeBytes(type));
      return;
    }
    case gcOpcode.arrayNewFixed: {
      const type = context.typeIndex(reader, typeKind.array);
      const length = reader.u32();
      if (length > reader.end) throw invalidModule(`an array of ${length} operands cannot be made`, at);
      context.paths.charge(length, at);
      countObject(context, at, context.typeBytes(type) * length);
      return;
    }
    case gcOpcode.arrayNew:
    case gcOpcode.arrayNewDefault: {
      const type = context.typeIndex(reader, typeKind.array);
      context.insertHelper(at, context.helpers.countArray(context.typeBytes(type)));
      return;
    }
    case gcOpcode.arrayNewData:
    case gcOpcode.arrayNewElem: {
      const type = context.typeIndex(reader, typeKind.array);
      reader.u32();
      context.insertHelper(at, context.helpers.countCopiedArray(context.typeBytes(type)));
      return;
    }
    case gcOpcode.arrayFill:
      context.typeIndex(reader, typeKind.array);
      context.insertHelper(at, context.helpers.chargeElements());
      return;
    case gcOpcode.arrayCopy:
    case gcOpcode.arrayInitData:
    case gcOpcode.arrayInitElem:
      context.typeIndex(reader, typeKind.array);
      reader.u32();
      context.insertHelper(at, context.helpers.chargeElements());
      return;
    case gcOpcode.brOnCast:
    case gcOpcode.brOnCastFail:
      reader.u8();
      context.paths.branch(reader.u32(), at);
      skipHeapType(reader, context.typeCount);
      skipHeapType(reader, context.typeCount);
      return;
    case gcOpcode.arrayLen:
      return;
    default:
      scanGcAccess(context, reader, code, at);
  }
}

function scanGcAccess(context: ScanContext, reader: ByteReader, code: number, at: number): void {
  if (code > gcOpcode.structNewDefault && code <= gcOpcode.structSet) {
    context.typeIndex(reader, typeKind.struct);
    reader.u32();
  } else if (code > gcOpcode.arrayNewElem && code < gcOpcode.arrayLen) {
    context.typeIndex(reader, typeKind.array);
  } else if (code >= gcOpcode.refTest && code <= gcOpcode.refCastNull) {
    skipHeapType(reader, context.typeCount);
  } else if (code < gcOpcode.anyConvertExtern || code > gcOpcode.i31GetU) {
    throw unsupportedInstruction(`${hex(opcode.gcPrefix)} ${hex(code)}`, at);
  }
}

function countObject(context: ScanContext, at: number, payloadBytes: number): void {
  context.paths.charge(allocationCost, at);
  context.countBytes(at, objectHeaderBytes + payloadBytes);
}

function chargeShort(context: ScanContext, at: number): boolean {
  const length = context.constantLength(at, shortLength);
  if (length === null) return false;
  context.paths.charge(callCost + (length >> bytesPerUnitShift), at);
  return true;
}
