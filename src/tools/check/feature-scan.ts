/**
 * Finds out which features beyond the first version of WebAssembly a module uses, by walking its instructions. It
 * expects a module that the engine accepts; an instruction it does not know ends the walk of that function.
 * https://webassembly.org/features/
 */

import { ByteReader } from "../../wasm/binary/byte-reader.ts";
import { instructionShapes, shape, simdShape, simdShapes } from "../../wasm/metering/instruction-shape.ts";
import { type ModuleOutline, sectionId } from "../../wasm/binary/module-outline.ts";
import { atomicOpcode, bulkOpcode, gcOpcode, opcode } from "../../wasm/binary/opcode.ts";
import { skipBlockType, skipHeapType, skipValueType } from "./skip-types.ts";

export const FEATURES = [
  "sign extension",
  "saturating conversions",
  "bulk memory",
  "reference types",
  "SIMD",
  "tail calls",
  "exceptions",
  "threads",
  "garbage collection",
  "typed references",
  "multiple memories",
  "wide arithmetic",
] as const;

export type Feature = (typeof FEATURES)[number];

const SIGN_EXTENSIONS = { first: 0xc0, last: 0xc4 } as const;
/** The alignment of a memory access carries this bit when the index of its memory follows. */
const NAMES_MEMORY = 0x40;

const MEMORY_OPERANDS: ReadonlyMap<number, number> = new Map([
  [bulkOpcode.memoryInit, 2],
  [bulkOpcode.dataDrop, 1],
  [bulkOpcode.memoryCopy, 2],
  [bulkOpcode.memoryFill, 1],
]);
const TABLE_OPERANDS: ReadonlyMap<number, number> = new Map([
  [bulkOpcode.tableInit, 2],
  [bulkOpcode.elemDrop, 1],
  [bulkOpcode.tableCopy, 2],
  [bulkOpcode.tableGrow, 1],
  [bulkOpcode.tableSize, 1],
  [bulkOpcode.tableFill, 1],
]);

/** In the order of `FEATURES`. */
export function scanFeatures(outline: ModuleOutline): readonly Feature[] {
  const found = new Set<Feature>();
  if (outline.importedMemories + outline.definedMemories > 1) found.add("multiple memories");
  if (outline.sections.some(({ id }) => id === sectionId.tag)) found.add("exceptions");
  const section = outline.sections.find(({ id }) => id === sectionId.code);
  if (section !== undefined) {
    const reader = new ByteReader(outline.bytes, section.start, section.end);
    for (let left = reader.count(); left > 0; left--) scanFunction(reader.range(), found);
  }
  return FEATURES.filter((feature) => found.has(feature));
}

function scanFunction(reader: ByteReader, found: Set<Feature>): void {
  for (let left = reader.count(); left > 0; left--) {
    reader.u32();
    skipValueType(reader);
  }
  let isKnown = true;
  while (isKnown && !reader.isDone) isKnown = skipInstruction(reader, found);
}

/** False for an instruction of unknown shape: what follows it cannot be read. */
function skipInstruction(reader: ByteReader, found: Set<Feature>): boolean {
  const code = reader.u8();
  if (code >= SIGN_EXTENSIONS.first && code <= SIGN_EXTENSIONS.last) found.add("sign extension");
  switch (instructionShapes[code]) {
    case shape.plain:
      return true;
    case shape.index:
      reader.u32();
      if (code === opcode.tableGet || code === opcode.tableSet) found.add("reference types");
      return true;
    case shape.globalIndex:
      reader.u32();
      return true;
    case shape.memoryAccess:
      skipMemoryAccess(reader);
      return true;
    case shape.i32Const:
      reader.s32();
      return true;
    case shape.i64Const:
      reader.skipS64();
      return true;
    case shape.fourBytes:
      reader.skip(4);
      return true;
    case shape.eightBytes:
      reader.skip(8);
      return true;
    case shape.heapType:
      skipHeapType(reader);
      found.add("reference types");
      return true;
    case shape.special:
      return skipSpecial(reader, code, found);
    default:
      return false;
  }
}

function skipSpecial(reader: ByteReader, code: number, found: Set<Feature>): boolean {
  switch (code) {
    case opcode.unreachable:
    case opcode.else:
    case opcode.end:
    case opcode.return:
      return true;
    case opcode.block:
    case opcode.loop:
    case opcode.if:
      skipBlockType(reader);
      return true;
    case opcode.br:
    case opcode.brIf:
    case opcode.call:
    case opcode.memoryGrow:
      reader.u32();
      return true;
    case opcode.brTable:
      for (let left = reader.count() + 1; left > 0; left--) reader.u32();
      return true;
    case opcode.callIndirect:
      reader.u32();
      reader.u32();
      return true;
    case opcode.selectTyped:
      for (let left = reader.count(); left > 0; left--) skipValueType(reader);
      found.add("reference types");
      return true;
    case opcode.refFunc:
      reader.u32();
      found.add("reference types");
      return true;
    case opcode.returnCall:
    case opcode.returnCallIndirect:
    case opcode.returnCallRef:
      reader.u32();
      if (code === opcode.returnCallIndirect) reader.u32();
      found.add("tail calls");
      return true;
    case opcode.callRef:
    case opcode.brOnNull:
    case opcode.brOnNonNull:
      reader.u32();
      found.add("typed references");
      return true;
    case opcode.bulkPrefix:
      return skipBulk(reader, found);
    case opcode.simdPrefix:
      found.add("SIMD");
      return skipSimd(reader);
    case opcode.atomicPrefix:
      found.add("threads");
      if (reader.u32() === atomicOpcode.fence) reader.u8();
      else skipMemoryAccess(reader);
      return true;
    case opcode.gcPrefix:
      found.add("garbage collection");
      return skipGc(reader);
    default:
      return skipException(reader, code, found);
  }
}

function skipException(reader: ByteReader, code: number, found: Set<Feature>): boolean {
  switch (code) {
    case opcode.try:
      skipBlockType(reader);
      break;
    case opcode.catch:
    case opcode.throw:
    case opcode.rethrow:
    case opcode.delegate:
      reader.u32();
      break;
    case opcode.catchAll:
    case opcode.throwRef:
      break;
    case opcode.tryTable:
      skipBlockType(reader);
      for (let left = reader.count(); left > 0; left--) {
        // Clauses 0 and 1 name a tag.
        if (reader.u8() < 2) reader.u32();
        reader.u32();
      }
      break;
    default:
      return false;
  }
  found.add("exceptions");
  return true;
}

function skipBulk(reader: ByteReader, found: Set<Feature>): boolean {
  const code = reader.u32();
  if (code <= bulkOpcode.lastConversion) {
    found.add("saturating conversions");
    return true;
  }
  if (code >= bulkOpcode.firstWideArithmetic && code <= bulkOpcode.lastWideArithmetic) {
    found.add("wide arithmetic");
    return true;
  }
  const memoryOperands = MEMORY_OPERANDS.get(code);
  const operands = memoryOperands ?? TABLE_OPERANDS.get(code);
  if (operands === undefined) return false;
  for (let left = operands; left > 0; left--) reader.u32();
  found.add(memoryOperands === undefined ? "reference types" : "bulk memory");
  return true;
}

function skipSimd(reader: ByteReader): boolean {
  switch (simdShapes[reader.u32()]) {
    case simdShape.plain:
      return true;
    case simdShape.memoryAccess:
      skipMemoryAccess(reader);
      return true;
    case simdShape.lane:
      reader.u8();
      return true;
    case simdShape.memoryAccessLane:
      skipMemoryAccess(reader);
      reader.u8();
      return true;
    case simdShape.sixteenBytes:
      reader.skip(16);
      return true;
    default:
      return false;
  }
}

function skipGc(reader: ByteReader): boolean {
  const code = reader.u32();
  if (code >= gcOpcode.refTest && code <= gcOpcode.refCastNull) {
    skipHeapType(reader);
  } else if (code === gcOpcode.brOnCast || code === gcOpcode.brOnCastFail) {
    reader.u8();
    reader.u32();
    skipHeapType(reader);
    skipHeapType(reader);
  } else {
    for (let left = gcIndices(code); left > 0; left--) reader.u32();
  }
  return code <= gcOpcode.i31GetU;
}

/** How many indices or lengths follow. */
function gcIndices(code: number): number {
  if (code === gcOpcode.arrayLen || code >= gcOpcode.anyConvertExtern) return 0;
  const isPair =
    (code > gcOpcode.structNewDefault && code <= gcOpcode.structSet) ||
    (code >= gcOpcode.arrayNewFixed && code <= gcOpcode.arrayNewElem) ||
    (code >= gcOpcode.arrayCopy && code <= gcOpcode.arrayInitElem);
  return isPair ? 2 : 1;
}

function skipMemoryAccess(reader: ByteReader): void {
  if ((reader.u32() & NAMES_MEMORY) !== 0) reader.u32();
  reader.u32();
}
