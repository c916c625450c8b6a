/**
 * What follows each opcode, and what executing it is charged. The tables hold every instruction JavaScriptCore
 * accepts; the scanner gives the shapes with a name of their own special treatment.
 */

import { opcode } from "../binary/opcode.ts";

/** How the bytes after an opcode are read. */
export const shape = {
  unknown: 0,
  plain: 1,
  index: 2,
  memoryAccess: 3,
  i32Const: 4,
  i64Const: 5,
  fourBytes: 6,
  eightBytes: 7,
  heapType: 8,
  localIndex: 11,
  globalIndex: 9,
  /** Looked at one by one: control, calls, references to functions, and everything after a prefix. */
  special: 10,
} as const;

/** Shapes of SIMD instructions, after their prefix. */
export const simdShape = {
  unknown: 0,
  plain: 1,
  memoryAccess: 2,
  lane: 3,
  memoryAccessLane: 4,
  sixteenBytes: 5,
} as const;

/** Charged for a blind call (`call-costs.ts`). Before its own first check, what is called so costs little more. */
export const callCost = 40;

/** Charged for a call of a function that was read before, besides what is owed to it. */
export const knownCallCost = 3;

/** Charged for a call that may leave WebAssembly: what a host function does is not counted in instructions. */
export const hostCallCost = 128;

/** Throwing unwinds the stack in the engine's runtime. */
export const throwCost = 1000;

export const atomicCost = 10;

/** A wait takes tens of microseconds in the engine, even one whose time is up at once. */
export const waitCost = 20_000;

const divisionCost = 6;

/** Comparisons and arithmetic of two operands. */
const binaryOpcodes: readonly (readonly [first: number, last: number])[] = [
  [0x46, 0x4f],
  [0x51, 0x66],
  [0x6a, 0x78],
  [0x7c, 0x8a],
  [0x92, 0x98],
  [0xa0, 0xa6],
  [0xd3, 0xd3],
];

function fill(table: Uint8Array, first: number, last: number, value: number): void {
  table.fill(value, first, last + 1);
}

function buildShapes(): Uint8Array {
  const shapes = new Uint8Array(256);
  fill(shapes, 0x45, 0xc4, shape.plain);
  for (const plain of [opcode.nop, opcode.drop, opcode.select, 0xd1, 0xd3, 0xd4]) shapes[plain] = shape.plain;
  fill(shapes, opcode.localGet, opcode.localTee, shape.localIndex);
  fill(shapes, opcode.tableGet, opcode.tableSet, shape.index);
  shapes[opcode.memorySize] = shape.index;
  shapes[opcode.globalGet] = shape.globalIndex;
  shapes[opcode.globalSet] = shape.globalIndex;
  fill(shapes, 0x28, 0x3e, shape.memoryAccess);
  shapes[opcode.i32Const] = shape.i32Const;
  shapes[opcode.i64Const] = shape.i64Const;
  shapes[opcode.f32Const] = shape.fourBytes;
  shapes[opcode.f64Const] = shape.eightBytes;
  shapes[opcode.refNull] = shape.heapType;
  fill(shapes, opcode.block, opcode.if, shape.special);
  fill(shapes, opcode.else, opcode.returnCallRef, shape.special);
  fill(shapes, opcode.gcPrefix, opcode.atomicPrefix, shape.special);
  for (const special of [
    opcode.unreachable,
    opcode.delegate,
    opcode.catchAll,
    opcode.selectTyped,
    opcode.tryTable,
    opcode.memoryGrow,
    opcode.refFunc,
    opcode.brOnNull,
    opcode.brOnNonNull,
  ]) {
    shapes[special] = shape.special;
  }
  return shapes;
}

function buildCosts(): Uint8Array {
  const costs = new Uint8Array(256).fill(1);
  for (const free of [opcode.block, opcode.loop, opcode.else, opcode.end]) {
    costs[free] = 0;
  }
  fill(costs, 0x6d, 0x70, divisionCost);
  fill(costs, 0x7f, 0x82, divisionCost);
  for (const division of [0x91, 0x95, 0x9f, 0xa3]) costs[division] = divisionCost;
  return costs;
}

/** Of plain instructions; what others do with operands is up to the scanner. */
function buildOperands(): Int8Array {
  const operands = new Int8Array(256);
  for (const pushing of [
    opcode.localGet,
    opcode.globalGet,
    opcode.memorySize,
    opcode.refNull,
    opcode.refFunc,
  ])
    operands[pushing] = 1;
  operands.fill(1, opcode.i32Const, opcode.f64Const + 1);
  for (const popping of [opcode.drop, opcode.localSet, opcode.globalSet]) operands[popping] = -1;
  operands[opcode.select] = -2;
  operands[opcode.selectTyped] = -2;
  operands[opcode.tableSet] = -2;
  operands.fill(-2, 0x36, 0x3e + 1);
  for (const [first, last] of binaryOpcodes) operands.fill(-1, first, last + 1);
  for (const condition of [opcode.if, opcode.brIf, opcode.brTable, opcode.callIndirect])
    operands[condition] = -1;
  return operands;
}

function buildSimdShapes(): Uint8Array {
  const shapes = new Uint8Array(0x114);
  fill(shapes, 0x0e, 0x14, simdShape.plain);
  fill(shapes, 0x23, 0xff, simdShape.plain);
  fill(shapes, 0x100, 0x113, simdShape.plain);
  fill(shapes, 0x00, 0x0b, simdShape.memoryAccess);
  fill(shapes, 0x5c, 0x5d, simdShape.memoryAccess);
  fill(shapes, 0x0c, 0x0d, simdShape.sixteenBytes);
  fill(shapes, 0x15, 0x22, simdShape.lane);
  fill(shapes, 0x54, 0x5b, simdShape.memoryAccessLane);
  const holes = [0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb];
  holes.push(0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee);
  for (const hole of holes) shapes[hole] = simdShape.unknown;
  return shapes;
}

/** By opcode: its `shape`. Read only. */
export const instructionShapes = buildShapes();

/** By opcode: what executing it is charged. Read only. */
export const instructionCosts = buildCosts();

/** By opcode: how many operands it leaves on the stack, less those that it takes. Read only. */
export const instructionOperands = buildOperands();

/** By SIMD opcode: its `simdShape`. Read only. */
export const simdShapes = buildSimdShapes();
