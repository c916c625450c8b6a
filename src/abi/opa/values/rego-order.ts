/** The order of Rego's values: by type first, then by content (https://www.openpolicyagent.org/docs/policy-language). */

import { RegoNumber } from "./rego-number.ts";
import { bytesOf, isArray, RegoObject, RegoSet, type RegoValue } from "./rego-value.ts";

export function compareRego(a: RegoValue, b: RegoValue): number {
  const byType = rank(a) - rank(b);
  if (byType !== 0) return byType;
  if (typeof a === "boolean") return Number(a) - Number(b);
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  if (a instanceof RegoNumber && b instanceof RegoNumber) return compareNumbers(a, b);
  if (isArray(a) && isArray(b)) return compareLists(a, b);
  if (a instanceof RegoSet && b instanceof RegoSet)
    return compareLists(sorted(a.values()), sorted(b.values()));
  if (a instanceof RegoObject && b instanceof RegoObject) return compareLists(pairs(a), pairs(b));
  return 0;
}

function rank(value: RegoValue): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return 1;
  if (value instanceof RegoNumber) return 2;
  if (typeof value === "string") return 3;
  if (isArray(value)) return 4;
  return value instanceof RegoObject ? 5 : 6;
}

/** By bytes. */
function compareStrings(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(bytesOf(a), bytesOf(b));
}

export function compareNumbers(a: RegoNumber, b: RegoNumber): number {
  const left = a.toBigInt();
  const right = b.toBigInt();
  if (left !== null && right !== null) return left < right ? -1 : left > right ? 1 : 0;
  return a.key === b.key ? 0 : a.value - b.value;
}

function compareLists(a: readonly RegoValue[], b: readonly RegoValue[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareRego(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function sorted(values: readonly RegoValue[]): readonly RegoValue[] {
  return [...values].sort(compareRego);
}

function pairs(object: RegoObject): readonly RegoValue[] {
  return [...object.entries()].sort(([a], [b]) => compareRego(a, b)).flat();
}
