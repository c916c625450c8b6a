/**
 * What the rewritten module exports for the host besides the guest's own exports: the fuel, the account of
 * garbage-collected bytes, the start function, and functions that split an i64 result, which would cost a BigInt.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import {
  type Code,
  call,
  functionBody,
  functionType,
  globalGet,
  globalSet,
  i64Const,
  localGet,
  localTee,
  sequence,
} from "../binary/instruction-bytes.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import type { LimitedModule } from "./limited-module.ts";
import { externalKind, type ModuleOutline } from "../binary/module-outline.ts";
import { opcode, typeCode } from "../binary/opcode.ts";
import { addStartExport } from "./start-export.ts";

const { i32, i64 } = typeCode;

export type HostExports = Pick<
  LimitedModule,
  "splitExports" | "splitLowExport" | "fuelExport" | "gcBytesExport" | "startExport"
>;

export function addHostExports(
  outline: ModuleOutline,
  added: AddedDefinitions,
  helpers: LimitHelpers,
): HostExports {
  const fuelExport = added.addExport("sentinel:fuel", externalKind.func, helpers.chargeFromHost());
  const { accountGlobal } = helpers;
  const gcBytesExport =
    accountGlobal === null ? null : added.addExport("sentinel:gc-bytes", externalKind.global, accountGlobal);
  const startExport = addStartExport(outline, added);

  const splitExports = new Map<string, string>();
  const splitter = new ResultSplitter(outline, added);
  for (const { name, kind, index } of outline.exports) {
    if (kind !== externalKind.func || !splitter.canSplit(index)) continue;
    splitExports.set(
      name,
      added.addExport(`sentinel:split:${name}`, externalKind.func, splitter.split(index)),
    );
  }
  const { lowGlobal } = splitter;
  if (lowGlobal === null)
    return { splitExports, splitLowExport: null, fuelExport, gcBytesExport, startExport };
  const low = added.addFunction(functionType([], [i32]), functionBody(null, globalGet(lowGlobal)));
  return {
    splitExports,
    splitLowExport: added.addExport("sentinel:split-low", externalKind.func, low),
    fuelExport,
    gcBytesExport,
    startExport,
  };
}

/** Makes the functions that return the high half of another's result; one for each, however often it is exported. */
class ResultSplitter {
  readonly #outline: ModuleOutline;
  readonly #added: AddedDefinitions;
  readonly #made = new Map<number, number>();
  #lowGlobal: number | null = null;

  constructor(outline: ModuleOutline, added: AddedDefinitions) {
    this.#outline = outline;
    this.#added = added;
  }

  /** Where the low half is left; null while nothing was split. */
  get lowGlobal(): number | null {
    return this.#lowGlobal;
  }

  canSplit(index: number): boolean {
    const { types, functionTypes } = this.#outline;
    return types.splittable.has(functionTypes[index] ?? -1);
  }

  /** `index`: a function of the guest. */
  split(index: number): number {
    const known = this.#made.get(index);
    if (known !== undefined) return known;
    const { types, functionTypes } = this.#outline;
    const parameters = types.parameters[functionTypes[index] ?? -1] ?? 0;
    this.#lowGlobal ??= this.#added.addGlobal(0);
    const made = this.#added.addFunction(
      functionType(new Array<number>(parameters).fill(i32), [i32]),
      splitBody(this.#added.movedFunction(index), parameters, this.#lowGlobal),
    );
    this.#made.set(index, made);
    return made;
  }
}

function splitBody(original: number, parameters: number, lowGlobal: number): Code {
  const result = parameters;
  return functionBody(
    i64,
    sequence(
      ...Array.from({ length: parameters }, (_, parameter) => localGet(parameter)),
      call(original),
      localTee(result),
      opcode.i32WrapI64,
      globalSet(lowGlobal),
      localGet(result),
      i64Const(32),
      opcode.i64ShrU,
      opcode.i32WrapI64,
    ),
  );
}
