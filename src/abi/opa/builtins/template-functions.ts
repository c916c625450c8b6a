/** The functions that every template of Go's text/template has (https://pkg.go.dev/text/template#hdr-Functions). */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, RegoObject, type RegoValue } from "../values/rego-value.ts";
import { UndefinedResult } from "./builtin.ts";
import { queryEscape } from "./go-url.ts";
import { sprintf } from "./sprintf.ts";
import { compare, isTrue, printed, type TemplateValue } from "./template-values.ts";

type TemplateFunction = (args: readonly TemplateValue[]) => TemplateValue;

const HTML: ReadonlyMap<string, string> = new Map([
  ["\0", "\uFFFD"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
]);

/** Without `and` and `or`, which do not evaluate all of their arguments. */
export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ["not", ([value]) => !isTrue(value)],
  ["eq", ([first, ...others]) => atLeastOne(others).some((other) => compare(first, other) === 0)],
  ["ne", ([a, b]) => compare(a, b) !== 0],
  ["lt", ([a, b]) => ordered(a, b) < 0],
  ["le", ([a, b]) => ordered(a, b) <= 0],
  ["gt", ([a, b]) => ordered(a, b) > 0],
  ["ge", ([a, b]) => ordered(a, b) >= 0],
  ["len", ([value]) => BigInt(lengthOf(value))],
  ["index", ([value, ...keys]) => keys.reduce<TemplateValue>(element, value)],
  ["slice", ([value, ...bounds]) => slice(value, bounds)],
  ["print", (args) => print(args)],
  ["println", (args) => `${args.map(printed).join(" ")}\n`],
  ["printf", ([format, ...args]) => sprintf(textOf(format), args.map(toRego))],
  ["html", (args) => print(args).replace(/["'&<>\0]/g, (character) => HTML.get(character)!)],
  ["urlquery", (args) => queryEscape(print(args))],
]);

function atLeastOne(values: readonly TemplateValue[]): readonly TemplateValue[] {
  if (values.length === 0) throw new UndefinedResult("missing argument for comparison");
  return values;
}

function ordered(a: TemplateValue, b: TemplateValue): number {
  const order = compare(a, b);
  if (order === null) throw new UndefinedResult("invalid type for comparison");
  return order;
}

function lengthOf(value: TemplateValue): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isArray(value as RegoValue)) return (value as readonly RegoValue[]).length;
  if (value instanceof RegoObject) return value.size;
  throw new UndefinedResult("len of a value without length");
}

function element(value: TemplateValue, key: TemplateValue): TemplateValue {
  if (value instanceof RegoObject) return value.get(textOf(key));
  const index = Number(integerOf(key));
  if (isArray(value as RegoValue)) {
    const items = value as readonly RegoValue[];
    if (index < 0 || index >= items.length) throw new UndefinedResult("index out of range");
    return items[index];
  }
  throw new UndefinedResult("cannot index this value");
}

function slice(value: TemplateValue, bounds: readonly TemplateValue[]): TemplateValue {
  const [from = 0, to = lengthOf(value)] = bounds.map((bound) => Number(integerOf(bound)));
  if (from < 0 || to > lengthOf(value) || from > to) throw new UndefinedResult("slice index out of range");
  if (typeof value === "string") return Buffer.from(value).subarray(from, to).toString();
  return (value as readonly RegoValue[]).slice(from, to);
}

function integerOf(value: TemplateValue): bigint {
  if (typeof value === "bigint") return value;
  throw new UndefinedResult("an index is no integer");
}

function textOf(value: TemplateValue): string {
  if (typeof value === "string") return value;
  throw new UndefinedResult("an argument is no string");
}

/** With spaces between two values of which neither is a string. */
function print(args: readonly TemplateValue[]): string {
  return args.reduce<string>((text, arg, i) => {
    const isSpaced = i > 0 && typeof arg !== "string" && typeof args[i - 1] !== "string";
    return `${text}${isSpaced ? " " : ""}${printed(arg)}`;
  }, "");
}

/** Numbers of a policy are texts in Go. */
function toRego(value: TemplateValue): RegoValue {
  if (typeof value === "bigint") return RegoNumber.of(value);
  if (typeof value === "number")
    return new RegoNumber(Number.isInteger(value) ? `${value}.0` : String(value));
  if (value instanceof RegoNumber) return value.text;
  return value ?? "<nil>";
}
