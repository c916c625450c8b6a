/** Values within a template, as Go's text/template prints, compares and tests them. */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, RegoObject, type RegoValue } from "../values/rego-value.ts";
import { UndefinedResult } from "./builtin.ts";
import { formatFloat } from "./go-float.ts";

/** Rego's, and what literals are: bigint for an int, number for a float64. Undefined for a key that is not there. */
export type TemplateValue = RegoValue | bigint | number | undefined;

export const NO_VALUE = "<no value>";

/** As fmt.Fprint writes it. */
export function printed(value: TemplateValue): string {
  if (value === undefined || value === null) return NO_VALUE;
  return inner(value);
}

function inner(value: TemplateValue): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number") return formatFloat(value, "g", -1);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof RegoNumber) return value.text;
  if (isArray(value)) return `[${value.map(inner).join(" ")}]`;
  if (value instanceof RegoObject) {
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${inner(item)}`)
      .join(" ")}]`;
  }
  throw new UndefinedResult("a set cannot be printed by a template");
}

export function sortedEntries(object: RegoObject): readonly (readonly [string, RegoValue])[] {
  const entries = object
    .entries()
    .map(([key, value]) => [typeof key === "string" ? key : inner(key), value] as const);
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Numbers of a policy are texts in Go, so they are true. */
export function isTrue(value: TemplateValue): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "bigint") return value !== 0n;
  if (typeof value === "number") return value !== 0;
  if (typeof value === "boolean") return value;
  if (typeof value === "string" || isArray(value)) return value.length > 0;
  return value instanceof RegoNumber || value.size > 0;
}

/** Negative, 0 or positive; null for types that have no order. @throws UndefinedResult for values of two types */
export function compare(a: TemplateValue, b: TemplateValue): number | null {
  const left = comparable(a);
  const right = comparable(b);
  if (typeof left !== typeof right) throw new UndefinedResult("incompatible types for comparison");
  if (left === right) return 0;
  if (typeof left === "boolean" || left === null || right === null) return null;
  return left < right ? -1 : 1;
}

function comparable(value: TemplateValue): string | bigint | number | boolean | null {
  if (value instanceof RegoNumber) return value.text;
  if (value === undefined || value === null) return null;
  if (typeof value === "object") throw new UndefinedResult("non-comparable type");
  return value;
}
