/**
 * Reads every instruction of a function and notes what must change: function indices, fuel checks, growth, long
 * operations, allocations, waits. It checks what the rewrite relies on (shapes, indices, nesting) and leaves types to
 * the engine. Nothing recurses here, so only the size of a module bounds its nesting.
 */

import { frameKind } from "./block-frame.ts";
import { type ByteReader, invalidModule } from "../binary/byte-reader.ts";
import { editKind, loopCopies } from "./edit-list.ts";
import {
  callCost,
  hostCallCost,
  instructionCosts,
  instructionOperands,
  instructionShapes,
  knownCallCost,
  shape,
  throwCost,
} from "./instruction-shape.ts";
import { expectEnd } from "../binary/module-outline.ts";
import { opcode } from "../binary/opcode.ts";
import { scanAtomic, scanBulk, scanGc, scanSimd, skipMemoryAccess } from "./prefixed-instructions.ts";
import { hex, type ScanContext, unsupportedInstruction } from "./scan-context.ts";
import { costStep } from "./segment-lengths.ts";
import { noResult, readBlockType, skipHeapType, skipValueType, typeKind } from "../binary/type-section.ts";

/** With as many locals, the engine takes no further one. */
const maxLocals = 50_000;

/** A call sets its locals to zero: one unit pays for so many, as a power of two. */
const localsPerUnitShift = 3;

/** Size of the loops that are written several times over. */
const maxRepeatedBytes = 64;

/** A thrown exception keeps its values in an object of the engine; cost of one without any. */
const exceptionBytes = 64;
const largestValueBytes = 16;

export interface FunctionArity {
  readonly parameters: number;
  readonly results: number;
}

/**
 * Notes the edits of the function body that the reader spans, of which up to `maxFree` is left to its callers. Returns
 * whether its loops need a local variable to count in, which gets the index `context.localCount`.
 */
export function scanFunction(
  context: ScanContext,
  reader: ByteReader,
  { parameters, results }: FunctionArity,
  maxFree: number,
): boolean {
  const { complexity, paths } = context;
  const start = reader.at;
  context.localCount = parameters + skipLocals(reader, context.typeCount);
  context.codeStart = reader.at;
  complexity.begin(context.localCount, results);
  paths.begin(reader.at, {
    bodyBytes: reader.end - start,
    mayCount: context.localCount < maxLocals,
    maxFree,
    mayUnwind: context.calls.mayUnwind,
  });
  paths.charge((context.localCount - parameters) >> localsPerUnitShift, reader.at);
  scanInstructions(context, reader);
  expectEnd(reader);
  return paths.finish();
}

/** Returns how many locals there are. */
function skipLocals(reader: ByteReader, typeCount: number): number {
  let locals = 0;
  for (let left = reader.count(); left > 0; left--) {
    locals += reader.u32();
    skipValueType(reader, typeCount);
  }
  return locals;
}

/** Most modules are scanned once and cold, so the frequent shapes are told apart first, without a call. */
function scanInstructions(context: ScanContext, reader: ByteReader): void {
  const { bytes, end } = reader;
  const { complexity, paths } = context;
  const shortLocals = Math.min(context.localCount, 0x80);
  let at = reader.at;
  let cost = 0;
  let operands = 0;
  let writes = 0;
  for (;;) {
    if (at >= end) throw invalidModule("a function has no end", at);
    const code = bytes[at] as number;
    const kind = instructionShapes[code] as number;
    cost += instructionCosts[code] as number;
    operands += instructionOperands[code] as number;
    const next = at + 1 < end ? (bytes[at + 1] as number) : 0xff;
    if (kind === shape.localIndex && next < shortLocals) {
      at += 2;
      if (code !== opcode.localGet) writes++;
    } else if (kind === shape.plain) {
      at++;
    } else if (kind === shape.i32Const && next < 0x80) {
      at += 2;
      context.constant = (next << 25) >> 25;
      context.constantEnd = at;
    } else {
      reader.at = at + 1;
      if (kind === shape.special) {
        paths.add(cost, at);
        cost = 0;
        complexity.step(operands, writes);
        operands = 0;
        writes = 0;
        scanSpecial(context, reader, code, at);
        if (paths.depth === 0) return;
      } else {
        skipOperands(context, reader, kind, code);
        if (code === opcode.localSet || code === opcode.localTee) writes++;
      }
      at = reader.at;
    }
    if (cost > costStep) {
      paths.add(cost, at);
      cost = 0;
    }
  }
}

function skipOperands(context: ScanContext, reader: ByteReader, kind: number, code: number): void {
  switch (kind) {
    case shape.i32Const:
      context.constant = reader.s32();
      context.constantEnd = reader.at;
      return;
    case shape.memoryAccess:
      skipMemoryAccess(reader);
      return;
    case shape.localIndex:
      checkIndex(reader, context.localCount, "local");
      return;
    case shape.globalIndex:
      checkIndex(reader, context.globalCount, "global");
      return;
    case shape.i64Const:
      reader.skipS64();
      return;
    case shape.fourBytes:
      reader.skip(4);
      return;
    case shape.eightBytes:
      reader.skip(8);
      return;
    case shape.index:
      reader.u32();
      return;
    case shape.heapType:
      skipHeapType(reader, context.typeCount);
      return;
    default:
      throw unsupportedInstruction(hex(code), reader.at - 1);
  }
}

/** An index behind the guest's own would name something of ours, the fuel for example. */
function checkIndex(reader: ByteReader, count: number, what: string): void {
  const at = reader.at;
  const index = reader.u32();
  if (index >= count) throw invalidModule(`${what} ${index} does not exist`, at);
}

function scanSpecial(context: ScanContext, reader: ByteReader, code: number, at: number): void {
  const { complexity, paths } = context;
  const simpleLoopAt = context.simpleLoopAt;
  context.simpleLoopAt = -1;
  switch (code) {
    case opcode.end:
      complexity.end();
      paths.end(reader.at);
      return;
    case opcode.call:
      scanCall(context, reader, code, at);
      return;
    case opcode.brIf: {
      const label = reader.u32();
      branch(context, label, at);
      if (label === 0 && simpleLoopAt >= 0) repeatLoop(context, reader, simpleLoopAt, at);
      return;
    }
    case opcode.block:
    case opcode.if:
    case opcode.try:
      enterBlock(context, readBlockType(reader, context.typeCount), code === opcode.try);
      paths.enter(code === opcode.if ? frameKind.if : code === opcode.try ? frameKind.try : frameKind.block);
      if (code === opcode.try) context.calls.mayUnwind = true;
      return;
    case opcode.loop:
      scanLoop(context, reader, at);
      return;
    case opcode.else:
      complexity.restart();
      paths.else(at);
      return;
    case opcode.brOnNull:
    case opcode.brOnNonNull:
      branch(context, reader.u32(), at);
      return;
    case opcode.br:
      branch(context, reader.u32(), at);
      paths.stop();
      return;
    case opcode.brTable:
      for (let left = reader.count() + 1; left > 0; left--) branch(context, reader.u32(), at);
      paths.stop();
      return;
    case opcode.return:
      paths.stop();
      return;
    case opcode.unreachable:
      paths.trap();
      return;
    case opcode.selectTyped:
      for (let left = reader.count(); left > 0; left--) skipValueType(reader, context.typeCount);
      return;
    case opcode.refFunc: {
      const indexAt = reader.at;
      const index = context.functionIndex(reader);
      context.moveFunctionIndex(indexAt, index, reader.at);
      return;
    }
    case opcode.memoryGrow: {
      const memory = context.memoryIndex(reader);
      context.replaceByHelper(at, reader.at, context.helpers.growMemory(memory));
      return;
    }
    case opcode.gcPrefix:
      scanGc(context, reader, at);
      return;
    case opcode.bulkPrefix:
      scanBulk(context, reader, at);
      return;
    case opcode.simdPrefix:
      scanSimd(context, reader, at);
      return;
    case opcode.atomicPrefix:
      scanAtomic(context, reader, at);
      return;
    default:
      if (code >= opcode.callIndirect && code <= opcode.returnCallRef) scanCall(context, reader, code, at);
      else scanException(context, reader, code, at);
  }
}

function branch({ complexity, paths }: ScanContext, label: number, at: number): void {
  complexity.branch(label);
  paths.branch(label, at);
}

/** `type` as `readBlockType` answers it. */
function enterBlock({ complexity, outline }: ScanContext, type: number, isTry: boolean): void {
  const parameters = type < 0 ? 0 : outline.types.parameters[type]!;
  const results = type < 0 ? type - noResult : outline.types.results[type]!;
  if (isTry) complexity.try(parameters, results);
  else complexity.block(parameters, results);
}

function scanLoop(context: ScanContext, reader: ByteReader, at: number): void {
  const { complexity, edits, outline, paths } = context;
  const type = readBlockType(reader, context.typeCount);
  const isPlain = type === noResult;
  complexity.loop(
    type < 0 ? 0 : outline.types.parameters[type]!,
    type < 0 ? type - noResult : outline.types.results[type]!,
  );
  paths.prepare(at);
  context.simpleLoopOpening = edits.push(at, editKind.openBlock, 0);
  paths.enterLoop(reader.at);
  context.simpleLoopAt = isPlain ? reader.at : -1;
}

/**
 * A short loop that consists of simple instructions and one branch back is written several times over, with one check
 * for all: such loops are the hottest and shortest, and the check would weigh most in them. Reads the loop's end, too.
 */
function repeatLoop(
  { complexity, edits, paths, simpleLoopOpening }: ScanContext,
  reader: ByteReader,
  start: number,
  at: number,
): void {
  if (reader.bytes[reader.at] !== opcode.end || at - start > maxRepeatedBytes) return;
  edits.setArgument(simpleLoopOpening, 1);
  edits.push(at, editKind.repeat, start);
  paths.multiplyTurn(loopCopies);
  reader.at++;
  complexity.end();
  paths.end(reader.at);
  edits.push(reader.at, editKind.closeBlock, 0);
}

function scanCall(context: ScanContext, reader: ByteReader, code: number, at: number): void {
  const { calls, outline, paths } = context;
  let mayRecurse = true;
  if (code === opcode.call || code === opcode.returnCall) {
    const indexAt = reader.at;
    const index = context.functionIndex(reader);
    const isHost = index < outline.importedFunctions;
    noteCall(context, outline.functionTypes[index]!);
    mayRecurse = !isHost && chargeDirectCall(context, index - outline.importedFunctions, at);
    if (isHost) paths.charge(hostCallCost, at);
    if (mayRecurse) paths.beforeRecursion(at);
    context.moveFunctionIndex(indexAt, index, reader.at);
  } else {
    if (code === opcode.callIndirect || code === opcode.returnCallIndirect) {
      noteCall(context, context.indirectType(reader));
      reader.u32();
    } else {
      noteCall(context, context.typeIndex(reader, typeKind.func));
    }
    paths.chargeBlindCall(callCost, at);
    if (context.isHostReferenced) paths.charge(hostCallCost, at);
    paths.beforeRecursion(at);
  }
  if (mayRecurse) calls.noteRecursion(context.number);
  if (code === opcode.returnCall || code === opcode.returnCallIndirect || code === opcode.returnCallRef)
    paths.stop();
  else if (mayRecurse) paths.afterRecursion(reader.at);
}

function noteCall({ complexity, outline }: ScanContext, type: number): void {
  complexity.call(outline.types.parameters[type] ?? 0, outline.types.results[type] ?? 0);
}

/** Returns whether the callers of what is called may wait in a circle of calls. */
function chargeDirectCall(context: ScanContext, number: number, at: number): boolean {
  const { calls, paths } = context;
  if (!context.readFirst(number)) {
    paths.chargeBlindCall(callCost, at);
    return true;
  }
  const cost = knownCallCost + calls.owed(number);
  if (calls.owesLoops(number)) paths.chargeLoops(cost, at);
  else paths.charge(cost, at);
  calls.noteCall(context.number, number);
  return calls.mayRecurse(number);
}

function scanException(context: ScanContext, reader: ByteReader, code: number, at: number): void {
  const { complexity, paths } = context;
  switch (code) {
    case opcode.catch:
      reader.u32();
      complexity.restart();
      complexity.clause();
      paths.catch(reader.at);
      return;
    case opcode.catchAll:
      complexity.restart();
      complexity.clause();
      paths.catch(reader.at);
      return;
    case opcode.delegate:
      complexity.end();
      paths.delegate(reader.u32(), reader.at);
      return;
    case opcode.throw: {
      const tag = reader.u32();
      paths.charge(throwCost, at);
      context.countBytes(at, exceptionBytes + largestValueBytes * (context.outline.tagParameters[tag] ?? 0));
      paths.stop();
      return;
    }
    case opcode.rethrow:
      reader.u32();
      paths.charge(throwCost, at);
      paths.stop();
      return;
    case opcode.throwRef:
      paths.charge(throwCost, at);
      paths.stop();
      return;
    case opcode.tryTable:
      enterBlock(context, readBlockType(reader, context.typeCount), true);
      for (let left = reader.count(); left > 0; left--) scanCatchClause(context, reader);
      paths.enter(frameKind.block);
      context.calls.mayUnwind = true;
      return;
    default:
      throw unsupportedInstruction(hex(code), at);
  }
}

/** `catch` and `catch_ref` name a tag, `catch_all` and `catch_all_ref` do not. */
function scanCatchClause({ complexity, paths }: ScanContext, reader: ByteReader): void {
  complexity.clause();
  const at = reader.at;
  const kind = reader.u8();
  if (kind > 3) throw invalidModule(`catch clause ${kind} is unknown`, at);
  if (kind < 2) reader.u32();
  paths.branchOnException(reader.u32(), at);
}
