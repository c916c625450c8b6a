/** Go's strconv.Quote, and values as OPA prints them: strings quoted that way, sets and objects in order. */

import { RegoNumber } from "../values/rego-number.ts";
import { RegoObject, RegoSet, type RegoValue } from "../values/rego-value.ts";
import { compareRego } from "../values/rego-order.ts";

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
]);

/** `isAscii` escapes everything beyond ASCII. */
export function quote(text: string, mark = '"', isAscii = false): string {
  let quoted = mark;
  for (const character of text) quoted += character === mark ? `\\${mark}` : escaped(character, isAscii);
  return quoted + mark;
}

function escaped(character: string, isAscii: boolean): string {
  const simple = SIMPLE_ESCAPES.get(character);
  if (simple !== undefined) return simple;
  const code = character.codePointAt(0)!;
  // A byte that is no UTF-8.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
  if (PRINTABLE.test(character) && (!isAscii || code < 0x80)) return character;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** As `sprintf("%v")` shows a value that is neither a string nor a number. */
export function printRego(value: RegoValue): string {
  if (typeof value === "string") return quote(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (value instanceof RegoNumber) return value.text;
  if (value instanceof RegoSet) {
    return value.size === 0
      ? "set()"
      : `{${[...value.values()].sort(compareRego).map(printRego).join(", ")}}`;
  }
  if (value instanceof RegoObject) {
    const entries = [...value.entries()].sort(([a], [b]) => compareRego(a, b));
    return `{${entries.map(([key, inner]) => `${printRego(key)}: ${printRego(inner)}`).join(", ")}}`;
  }
  return `[${value.map(printRego).join(", ")}]`;
}
