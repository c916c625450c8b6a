/** `object.subset`. */

import { isArray, isEqual, RegoObject, RegoSet, type RegoValue } from "../values/rego-value.ts";
import { type BuiltinTable, type EvaluationContext, UndefinedResult, UNITS_PER_US } from "./builtin.ts";

export const OBJECTS: BuiltinTable = {
  "object.subset": (args, context) => {
    const [whole = null, part = null] = args;
    if (isArray(whole) && part instanceof RegoSet)
      return part.values().every((item) => includes(whole, item, context));
    const isSubset = subset(whole, part, context);
    if (isSubset === null)
      throw new UndefinedResult("both arguments must be of the same type or array and set");
    return isSubset;
  },
};

/** Null for values that are not of the same collection type. */
function subset(whole: RegoValue, part: RegoValue, context: EvaluationContext): boolean | null {
  if (whole instanceof RegoObject && part instanceof RegoObject) {
    return part.entries().every(([key, inner]) => {
      context.charge(UNITS_PER_US);
      const outer = whole.get(key);
      return outer !== undefined && (isEqual(outer, inner) || subset(outer, inner, context) === true);
    });
  }
  if (whole instanceof RegoSet && part instanceof RegoSet)
    return part.values().every((item) => whole.has(item));
  return isArray(whole) && isArray(part) ? isRun(whole, part, context) : null;
}

function includes(items: readonly RegoValue[], wanted: RegoValue, context: EvaluationContext): boolean {
  context.charge(items.length * UNITS_PER_US);
  context.assertInTime();
  return items.some((item) => isEqual(item, wanted));
}

/** Whether the whole has the part's elements one after the other. */
function isRun(whole: readonly RegoValue[], part: readonly RegoValue[], context: EvaluationContext): boolean {
  let start = 0;
  let matched = 0;
  while (matched < part.length) {
    if (start + matched >= whole.length) return false;
    context.charge(UNITS_PER_US);
    context.assertInTime();
    if (isEqual(whole[start + matched]!, part[matched]!)) {
      matched++;
    } else {
      start++;
      matched = 0;
    }
  }
  return true;
}
