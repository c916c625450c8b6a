/** Functions on strings that OPA's compiler leaves to the host. Positions count characters, not UTF-16 units. */

import { RegoNumber } from "../values/rego-number.ts";
import type { RegoValue } from "../values/rego-value.ts";
import {
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  integerArgument,
  stringArgument,
  stringsArgument,
  UndefinedResult,
} from "./builtin.ts";
import { sprintf } from "./sprintf.ts";

/** Candidates times patterns. */
const MAX_COMPARISONS = 4_000_000;
const MAX_POSITIONS = 250_000;
const UNITS_PER_COMPARISON = 40;

export const STRINGS: BuiltinTable = {
  sprintf: (args) => sprintf(stringArgument(args, 0), args[1]),
  indexof_n: (args) => positions(stringArgument(args, 0), stringArgument(args, 1)),
  "strings.count": (args) => RegoNumber.of(count(stringArgument(args, 0), stringArgument(args, 1))),
  "strings.split_n": (args) =>
    splitN(stringArgument(args, 0), stringArgument(args, 1), integerArgument(args, 2)),
  "strings.any_prefix_match": (args, context) =>
    matchesAny(args, context, (text, prefix) => text.startsWith(prefix)),
  "strings.any_suffix_match": (args, context) =>
    matchesAny(args, context, (text, suffix) => text.endsWith(suffix)),
};

function positions(text: string, wanted: string): RegoValue {
  if (wanted === "") throw new UndefinedResult("empty search character");
  const found: RegoValue[] = [];
  let character = 0;
  let unit = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    character += charactersIn(text, unit, at);
    unit = at;
    found.push(RegoNumber.of(character));
    assertWorkable(found.length, MAX_POSITIONS, "positions of indexof_n");
  }
  return found;
}

function charactersIn(text: string, from: number, to: number): number {
  let characters = to - from;
  for (let at = from; at < to - 1; at++) {
    const isPair = (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
    if (isPair) characters--;
  }
  return characters;
}

/** An empty text is found before each character and at the end. */
function count(text: string, wanted: string): number {
  if (wanted === "") return charactersIn(text, 0, text.length) + 1;
  let found = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) found++;
  return found;
}

/** The first `n` parts, or the last `-n`. */
function splitN(text: string, separator: string, n: number): RegoValue {
  assertWorkable(separator === "" ? text.length : 0, MAX_POSITIONS, "characters of strings.split_n");
  const parts = separator === "" ? [...text] : text.split(separator);
  assertWorkable(parts.length, MAX_POSITIONS, "parts of strings.split_n");
  return n >= 0 ? parts.slice(0, n) : parts.slice(Math.max(parts.length + n, 0));
}

function matchesAny(
  args: readonly RegoValue[],
  context: EvaluationContext,
  matches: (text: string, affix: string) => boolean,
): boolean {
  const texts = typeof args[0] === "string" ? [args[0]] : stringsArgument(args, 0);
  const affixes = typeof args[1] === "string" ? [args[1]] : stringsArgument(args, 1);
  const comparisons = texts.length * affixes.length;
  assertWorkable(comparisons, MAX_COMPARISONS, "comparisons of strings.any_prefix_match or any_suffix_match");
  context.charge(comparisons * UNITS_PER_COMPARISON);
  return texts.some((text) => affixes.some((affix) => matches(text, affix)));
}
