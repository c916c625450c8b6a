/**
 * Writes function bodies anew: unchanged ranges are copied, edits applied, and the fuel checks marked as unlikely.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import { type BranchHintWriter, type FunctionHints, unlikely } from "./branch-hints.ts";
import { ByteReader } from "../binary/byte-reader.ts";
import type { ByteWriter } from "../binary/byte-writer.ts";
import { type EditList, editKind, loopCopies } from "./edit-list.ts";
import {
  type Code,
  call,
  globalGet,
  globalSet,
  i32Const,
  i64Const,
  sequence,
} from "../binary/instruction-bytes.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import { emptyBlockType, opcode, typeCode } from "../binary/opcode.ts";
import { loopCredit } from "./loop-credit.ts";

export interface ScannedBody {
  /** Where the body begins (with its locals), where its instructions begin, and where it ends in the source. */
  readonly start: number;
  readonly codeStart: number;
  readonly end: number;
  /** Index of the local variable that its loops count in; -1 when they need none. */
  readonly counter: number;
  readonly firstEdit: number;
  /** Behind its last edit. */
  readonly endEdit: number;
}

const openBlock: Code = [opcode.block, emptyBlockType];
/** Out of the block around the loop. */
const leaveLoop: Code = [opcode.i32Eqz, opcode.brIf, 1];

export class CodeWriter {
  readonly #source: Uint8Array;
  readonly #edits: EditList;
  readonly #added: AddedDefinitions;
  readonly #helpers: LimitHelpers;
  readonly #hints: BranchHintWriter;
  readonly #body: ByteWriter;
  /** `fuel -= ` up to the cost, from there to the condition, and what follows the `if`. */
  readonly #checkStart: Code;
  readonly #checkTest: Code;
  readonly #checkEnd: Code;
  readonly #counterTest: Code = sequence(i32Const(0), opcode.i32GtS);
  readonly #counterSpend: Code;
  readonly #dropTimeout: Code = sequence(opcode.drop, i64Const(0));

  constructor(
    source: Uint8Array,
    edits: EditList,
    added: AddedDefinitions,
    helpers: LimitHelpers,
    hints: BranchHintWriter,
    scratch: ByteWriter,
  ) {
    this.#source = source;
    this.#edits = edits;
    this.#added = added;
    this.#helpers = helpers;
    this.#hints = hints;
    this.#body = scratch;
    const { fuelGlobal } = helpers;
    this.#checkStart = sequence(globalGet(fuelGlobal), opcode.i32Const);
    this.#checkTest = sequence(
      opcode.i32Sub,
      globalSet(fuelGlobal),
      globalGet(fuelGlobal),
      i32Const(0),
      opcode.i32LtS,
    );
    this.#checkEnd = sequence(opcode.if, emptyBlockType, call(helpers.sliceEnd), opcode.end);
    this.#counterSpend = call(helpers.spendFuel());
  }

  /** Appends the body with its size; `number` is the function's among those with code. */
  write(out: ByteWriter, scanned: ScannedBody, number: number, hints: FunctionHints | undefined): void {
    const { start, end, counter } = scanned;
    const body = this.#body.clear();
    const edits = this.#edits;
    let copied = start;
    let hint = 0;
    if (counter >= 0) {
      this.#writeLocals(scanned);
      copied = scanned.codeStart;
    }
    for (let edit = scanned.firstEdit; edit < scanned.endEdit; edit++) {
      const at = edits.at(edit);
      if (hints !== undefined) hint = this.#moveHints(hints, hint, start, copied, at);
      body.range(this.#source, copied, at);
      copied = at + edits.replacedBytes(edit);
      this.#apply(at, edits.kind(edit), edits.argument(edit), counter);
    }
    if (hints !== undefined) this.#moveHints(hints, hint, start, copied, end);
    body.range(this.#source, copied, end);
    this.#hints.endFunction(number);
    out.u32(body.length);
    out.bytes(body.view);
  }

  /** The function's own locals, the counter behind them, and its first value. */
  #writeLocals({ start, codeStart, counter }: ScannedBody): void {
    const reader = new ByteReader(this.#source, start, codeStart);
    this.#body.u32(reader.u32() + 1);
    this.#body.range(this.#source, reader.at, codeStart);
    this.#body.u8(1);
    this.#body.u8(typeCode.i32);
    this.#setCounter(counter, -loopCredit);
  }

  #setCounter(counter: number, value: number): void {
    this.#body.u8(opcode.i32Const);
    this.#body.s32(value);
    this.#body.u8(opcode.localSet);
    this.#body.u32(counter);
  }

  #apply(at: number, kind: number, argument: number, counter: number): void {
    const body = this.#body;
    switch (kind) {
      case editKind.check:
        if (argument > 0) this.#writeCheck(argument);
        return;
      case editKind.countedCheck:
        this.#writeCountedCheck(argument, counter);
        return;
      case editKind.count:
        if (argument > 0) this.#writeCount(argument, opcode.localSet, counter);
        return;
      case editKind.openBlock:
        if (argument > 0) body.bytes(openBlock);
        return;
      case editKind.closeBlock:
        body.u8(opcode.end);
        return;
      case editKind.repeat:
        this.#repeat(argument, at);
        return;
      case editKind.functionIndex:
        body.u32(this.#added.movedFunction(argument));
        return;
      case editKind.insertCall:
      case editKind.replaceByCall:
        body.u8(opcode.call);
        body.u32(argument);
        return;
      case editKind.countBytes:
        body.u8(opcode.i32Const);
        body.s32(argument);
        body.u8(opcode.call);
        body.u32(this.#helpers.countObject());
        return;
      case editKind.setCounter:
        if (counter >= 0) this.#setCounter(counter, argument);
        return;
      case editKind.dropTimeout:
        body.bytes(this.#dropTimeout);
        return;
      default:
        throw new Error(`BUG: edit kind ${kind}`);
    }
  }

  /** The condition for another turn is on the stack, and `source[from, to)` is the code of one. */
  #repeat(from: number, to: number): void {
    for (let copy = 1; copy < loopCopies; copy++) {
      this.#body.bytes(leaveLoop);
      this.#body.range(this.#source, from, to);
    }
  }

  #writeCheck(cost: number): void {
    const body = this.#body;
    body.bytes(this.#checkStart);
    body.s32(cost);
    body.bytes(this.#checkTest);
    this.#hints.add(body.length, unlikely);
    body.bytes(this.#checkEnd);
  }

  #writeCount(cost: number, store: number, counter: number): void {
    const body = this.#body;
    body.u8(opcode.localGet);
    body.u32(counter);
    body.u8(opcode.i32Const);
    body.s32(cost);
    body.u8(opcode.i32Add);
    body.u8(store);
    body.u32(counter);
  }

  /** Counts a turn of a loop, and spends what has been counted when it is more than was paid in advance. */
  #writeCountedCheck(cost: number, counter: number): void {
    const body = this.#body;
    this.#writeCount(cost, opcode.localTee, counter);
    body.bytes(this.#counterTest);
    this.#hints.add(body.length, unlikely);
    body.u8(opcode.if);
    body.u8(emptyBlockType);
    body.u8(opcode.localGet);
    body.u32(counter);
    body.bytes(this.#counterSpend);
    body.u8(opcode.localSet);
    body.u32(counter);
    body.u8(opcode.end);
  }

  /** Carries hints for the range of source bytes that is copied next; returns the first hint behind it. */
  #moveHints(
    { offsets, values }: FunctionHints,
    first: number,
    start: number,
    from: number,
    to: number,
  ): number {
    let hint = first;
    for (; hint < offsets.length; hint++) {
      const at = start + (offsets[hint] as number);
      if (at >= to) break;
      if (at >= from) this.#hints.add(this.#body.length + at - from, values[hint] as number);
    }
    return hint;
  }
}
