/**
 * Reads every instruction of a function once and notes what must change: function indices, fuel checks, growth, long
 * operations, allocations, waits. It checks what the rewrite relies on (shapes, indices, nesting) and leaves types to
 * the engine. Nothing recurses here, so only the size of a module bounds its nesting.
 */

import { type ByteReader, invalidModule } from "./byte-reader.ts";
import {
  callCost,
  hostCallCost,
  instructionCosts,
  instructionShapes,
  shape,
  throwCost,
} from "./instruction-shape.ts";
import { expectEnd } from "./module-outline.ts";
import { opcode } from "./opcode.ts";
import { frameKind, maxSegmentCost } from "./path-costs.ts";
import { scanAtomic, scanBulk, scanGc, scanSimd, skipMemoryAccess } from "./prefixed-instructions.ts";
import { hex, type ScanContext, unsupportedInstruction } from "./scan-context.ts";
import { skipBlockType, skipHeapType, skipValueType, typeKind } from "./type-section.ts";

/** A thrown exception keeps its values in an object of the engine; cost of one without any. */
const exceptionBytes = 64;

/** Notes the edits of the function body that the reader spans. */
export function scanFunction(context: ScanContext, reader: ByteReader): void {
  skipLocals(reader, context.typeCount);
  const { edits, paths } = context;
  context.isCaller = false;
  const entry = paths.begin(reader.at);
  scanInstructions(context, reader);
  expectEnd(reader);
  const cost = edits.argument(entry);
  if (context.isCaller) edits.setArgument(entry, Math.max(cost, 1));
  else if (cost <= callCost) edits.setArgument(entry, 0);
}

function skipLocals(reader: ByteReader, typeCount: number): void {
  for (let left = reader.count(); left > 0; left--) {
    reader.u32();
    skipValueType(reader, typeCount);
  }
}

function scanInstructions(context: ScanContext, reader: ByteReader): void {
  const { bytes, end } = reader;
  const { paths } = context;
  let cost = 0;
  while (paths.depth > 0) {
    const at = reader.at;
    if (at >= end) throw invalidModule("a function has no end", at);
    const code = bytes[at] as number;
    reader.at = at + 1;
    cost += instructionCosts[code] as number;
    switch (instructionShapes[code]) {
      case shape.plain:
        break;
      case shape.index:
        reader.u32();
        break;
      case shape.memoryAccess:
        skipMemoryAccess(reader);
        break;
      case shape.i32Const:
        context.constant = reader.s32();
        context.constantEnd = reader.at;
        break;
      case shape.i64Const:
        reader.skipS64();
        break;
      case shape.fourBytes:
        reader.skip(4);
        break;
      case shape.eightBytes:
        reader.skip(8);
        break;
      case shape.heapType:
        skipHeapType(reader, context.typeCount);
        break;
      case shape.globalIndex:
        checkGlobal(context, reader);
        break;
      case shape.special:
        paths.reach += cost;
        cost = 0;
        scanSpecial(context, reader, code, at);
        break;
      default:
        throw unsupportedInstruction(hex(code), at);
    }
    if (paths.reach + cost > maxSegmentCost) {
      paths.reach += cost;
      cost = 0;
      if (paths.depth > 0) paths.split(reader.at);
    }
  }
}

/** A global behind the guest's own would be one of ours, the fuel for example. */
function checkGlobal({ outline }: ScanContext, reader: ByteReader): void {
  const at = reader.at;
  const index = reader.u32();
  if (index >= outline.importedGlobals + outline.definedGlobals)
    throw invalidModule(`global ${index} does not exist`, at);
}

function scanSpecial(context: ScanContext, reader: ByteReader, code: number, at: number): void {
  const { paths } = context;
  switch (code) {
    case opcode.end:
      paths.end(reader.at);
      return;
    case opcode.block:
    case opcode.if:
    case opcode.try:
      skipBlockType(reader, context.typeCount);
      paths.enter(code === opcode.if ? frameKind.if : code === opcode.try ? frameKind.try : frameKind.block);
      return;
    case opcode.loop:
      skipBlockType(reader, context.typeCount);
      paths.enterLoop(reader.at);
      return;
    case opcode.else:
      paths.else(at);
      return;
    case opcode.brIf:
    case opcode.brOnNull:
    case opcode.brOnNonNull:
      paths.branch(reader.u32(), at);
      return;
    case opcode.br:
      paths.branch(reader.u32(), at);
      paths.stop();
      return;
    case opcode.brTable:
      for (let left = reader.count() + 1; left > 0; left--) paths.branch(reader.u32(), at);
      paths.stop();
      return;
    case opcode.return:
    case opcode.unreachable:
      paths.stop();
      return;
    case opcode.selectTyped:
      for (let left = reader.count(); left > 0; left--) skipValueType(reader, context.typeCount);
      return;
    case opcode.refFunc:
      context.functionIndex(reader);
      return;
    case opcode.memoryGrow: {
      const memory = context.memoryIndex(reader);
      context.replaceByCall(at, reader.at, context.helpers.growMemory(memory));
      context.charge(callCost);
      return;
    }
    case opcode.gcPrefix:
      scanGc(context, reader, at);
      return;
    case opcode.bulkPrefix:
      scanBulk(context, reader, at);
      return;
    case opcode.simdPrefix:
      scanSimd(reader, at);
      return;
    case opcode.atomicPrefix:
      scanAtomic(context, reader, at);
      return;
    default:
      if (code >= opcode.call && code <= opcode.returnCallRef) scanCall(context, reader, code);
      else scanException(context, reader, code, at);
  }
}

function scanCall(context: ScanContext, reader: ByteReader, code: number): void {
  const { outline, paths } = context;
  let cost = context.isHostReferenced ? hostCallCost : callCost;
  let isGuest = true;
  switch (code) {
    case opcode.call:
    case opcode.returnCall:
      isGuest = context.functionIndex(reader) >= outline.importedFunctions;
      cost = isGuest ? callCost : hostCallCost;
      break;
    case opcode.callIndirect:
    case opcode.returnCallIndirect:
      context.typeIndex(reader, typeKind.func);
      reader.u32();
      break;
    default:
      context.typeIndex(reader, typeKind.func);
  }
  if (isGuest && paths.isLive && !paths.isInLoop) context.isCaller = true;
  context.charge(cost);
  if (code === opcode.returnCall || code === opcode.returnCallIndirect || code === opcode.returnCallRef)
    paths.stop();
}

function scanException(context: ScanContext, reader: ByteReader, code: number, at: number): void {
  const { paths } = context;
  switch (code) {
    case opcode.catch:
      reader.u32();
      paths.catch(reader.at);
      return;
    case opcode.catchAll:
      paths.catch(reader.at);
      return;
    case opcode.delegate:
      paths.delegate(reader.u32(), reader.at);
      return;
    case opcode.throw: {
      const tag = reader.u32();
      context.countBytes(at, exceptionBytes + (context.outline.tagBytes[tag] ?? 0));
      context.charge(throwCost);
      paths.stop();
      return;
    }
    case opcode.rethrow:
      reader.u32();
      context.charge(throwCost);
      paths.stop();
      return;
    case opcode.throwRef:
      context.charge(throwCost);
      paths.stop();
      return;
    case opcode.tryTable:
      skipBlockType(reader, context.typeCount);
      for (let left = reader.count(); left > 0; left--) scanCatchClause(context, reader);
      paths.enter(frameKind.block);
      return;
    default:
      throw unsupportedInstruction(hex(code), at);
  }
}

/** `catch` and `catch_ref` name a tag, `catch_all` and `catch_all_ref` do not. */
function scanCatchClause({ paths }: ScanContext, reader: ByteReader): void {
  const at = reader.at;
  const kind = reader.u8();
  if (kind > 3) throw invalidModule(`catch clause ${kind} is unknown`, at);
  if (kind < 2) reader.u32();
  paths.branchOnException(reader.u32(), at);
}
