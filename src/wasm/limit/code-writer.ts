/**
 * Writes function bodies anew: unchanged ranges are copied, edits applied, and the fuel checks marked as unlikely.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import { type BranchHintWriter, type FunctionHints, unlikely } from "./branch-hints.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { type EditList, editKind } from "./edit-list.ts";
import { type Code, call, globalGet, globalSet, i32Const, i64Const, sequence } from "./instruction-bytes.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import { emptyBlockType, opcode } from "./opcode.ts";

export interface BodyRange {
  /** Where the body begins (its locals) and ends in the source. */
  readonly start: number;
  readonly end: number;
  readonly firstEdit: number;
  /** Behind its last edit. */
  readonly endEdit: number;
}

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
  }

  /** Appends the body with its size; `number` is the function's among those with code. */
  write(out: ByteWriter, range: BodyRange, number: number, hints: FunctionHints | undefined): void {
    const body = this.#body.clear();
    const edits = this.#edits;
    let copied = range.start;
    let hint = 0;
    for (let edit = range.firstEdit; edit < range.endEdit; edit++) {
      const at = edits.at(edit);
      if (hints !== undefined) hint = this.#moveHints(hints, hint, range.start, copied, at);
      body.range(this.#source, copied, at);
      copied = at + edits.replacedBytes(edit);
      this.#apply(edits.kind(edit), edits.argument(edit));
    }
    if (hints !== undefined) this.#moveHints(hints, hint, range.start, copied, range.end);
    body.range(this.#source, copied, range.end);
    this.#hints.endFunction(number);
    out.u32(body.length);
    out.bytes(body.view);
  }

  #apply(kind: number, argument: number): void {
    const body = this.#body;
    switch (kind) {
      case editKind.check:
        if (argument > 0) this.#writeCheck(argument);
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
      case editKind.dropTimeout:
        body.bytes(this.#dropTimeout);
        return;
      default:
        throw new Error(`BUG: edit kind ${kind}`);
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
