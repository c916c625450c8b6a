/**
 * What the rewritten module exports for the host besides the guest's own exports: the fuel, the account of
 * garbage-collected bytes, and twins of exports whose i64 result would cost a BigInt.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import {
  call,
  functionBody,
  functionType,
  globalGet,
  globalSet,
  i64Const,
  localGet,
  localTee,
  sequence,
} from "./instruction-bytes.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import type { LimitedModule } from "./limited-module.ts";
import { externalKind, type ModuleOutline } from "./module-outline.ts";
import { opcode, typeCode } from "./opcode.ts";
import { unlike } from "./unlike-name.ts";

const { i32, i64 } = typeCode;

export type HostExports = Pick<
  LimitedModule,
  "splitExports" | "splitLowExport" | "fuelExport" | "gcBytesExport"
>;

export function addHostExports(
  outline: ModuleOutline,
  added: AddedDefinitions,
  helpers: LimitHelpers,
  splitResults: readonly string[],
): HostExports {
  const taken = new Set(outline.exports.map(({ name }) => name));
  const add = (wanted: string, kind: number, index: number): string => {
    const name = unlike(wanted, taken);
    taken.add(name);
    added.exports.push({ name, kind, index });
    return name;
  };

  const fuelExport = add("sentinel:fuel", externalKind.func, helpers.chargeFromHost());
  const { accountGlobal } = helpers;
  const gcBytesExport =
    accountGlobal === null ? null : add("sentinel:gc-bytes", externalKind.global, accountGlobal);

  const splitExports = new Map<string, string>();
  const splittable = findSplittable(outline, splitResults);
  if (splittable.size === 0) return { splitExports, splitLowExport: null, fuelExport, gcBytesExport };
  const lowGlobal = added.addGlobal(0);
  for (const [name, index] of splittable) {
    const twin = added.addFunction(
      functionType([i32, i32], [i32]),
      twinBody(added.movedFunction(index), lowGlobal),
    );
    splitExports.set(name, add(`sentinel:split:${name}`, externalKind.func, twin));
  }
  const low = added.addFunction(functionType([], [i32]), functionBody(null, globalGet(lowGlobal)));
  return {
    splitExports,
    splitLowExport: add("sentinel:split-low", externalKind.func, low),
    fuelExport,
    gcBytesExport,
  };
}

/** Function indices, by export name. */
function findSplittable(outline: ModuleOutline, names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  const wanted = new Set(names);
  for (const { name, kind, index } of outline.exports) {
    if (!wanted.has(name) || kind !== externalKind.func) continue;
    if (outline.types.splittable.has(outline.functionTypes[index] ?? -1)) found.set(name, index);
  }
  return found;
}

function twinBody(original: number, lowGlobal: number): readonly number[] {
  return functionBody(
    i64,
    sequence(
      localGet(0),
      localGet(1),
      call(original),
      localTee(2),
      opcode.i32WrapI64,
      globalSet(lowGlobal),
      localGet(2),
      i64Const(32),
      opcode.i64ShrU,
      opcode.i32WrapI64,
    ),
  );
}
