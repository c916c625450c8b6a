/**
 * Regular expressions of Go (https://pkg.go.dev/regexp/syntax), by RE2JS: its time grows with the length of the text and
 * the size of the expression, and not with their combinations.
 */

import { type Matcher, RE2JS } from "re2js";
import type { RegoValue } from "../values/rego-value.ts";
import {
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  integerArgument,
  MAX_TEXT_UNITS,
  orUndefined,
  stringArgument,
  UndefinedResult,
  UNITS_PER_US,
} from "./builtin.ts";
import { GLOBS_MATCH } from "./glob.ts";

const MAX_CACHED = 100;
const MAX_PATTERN_UNITS = 8192;
/** Characters of the text times instructions of the expression; each takes up to 50 ns. */
const MAX_STEPS = 2_000_000;
const UNITS_PER_STEP = UNITS_PER_US / 20;
const MAX_MATCHES = 100_000;

export function makeRegex(): BuiltinTable {
  const expressions = new Expressions();
  return {
    ...GLOBS_MATCH,
    "regex.split": (args, context) => split(expressions.get(args, 0), stringArgument(args, 1), context),
    "regex.find_n": (args, context) =>
      findMatches(expressions.get(args, 0), stringArgument(args, 1), integerArgument(args, 2), context).map(
        ({ text }) => text,
      ),
    "regex.replace": (args, context) =>
      replace(expressions.get(args, 1), stringArgument(args, 0), stringArgument(args, 2), context),
    "regex.template_match": (args, context) => {
      const pattern = templatePattern(
        stringArgument(args, 0),
        delimiter(stringArgument(args, 2)),
        delimiter(stringArgument(args, 3)),
        expressions,
      );
      return matcherOf(expressions.compile(pattern), stringArgument(args, 1), context).find();
    },
  };
}

class Expressions {
  readonly #known = new Map<string, RE2JS>();

  get(args: readonly RegoValue[], index: number): RE2JS {
    return this.compile(stringArgument(args, index));
  }

  compile(pattern: string): RE2JS {
    const known = this.#known.get(pattern);
    if (known !== undefined) return known;
    assertWorkable(pattern.length, MAX_PATTERN_UNITS, "characters of a regular expression");
    const made = orUndefined(() => RE2JS.compile(pattern));
    if (this.#known.size >= MAX_CACHED) this.#known.clear();
    this.#known.set(pattern, made);
    return made;
  }
}

function matcherOf(expression: RE2JS, text: string, context: EvaluationContext): Matcher {
  const steps = (text.length + 1) * expression.programSize();
  assertWorkable(steps, MAX_STEPS, "characters times instructions of a regular expression");
  context.charge(steps * UNITS_PER_STEP);
  return expression.matcher(text);
}

interface Match {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Of each group; null for one without a part in the match. */
  readonly groups: readonly (string | null)[];
}

/** As in Go, an empty match right behind another does not count. `limit` below 0 is none. */
function findMatches(
  expression: RE2JS,
  text: string,
  limit: number,
  context: EvaluationContext,
): readonly Match[] {
  const matches: Match[] = [];
  const matcher = matcherOf(expression, text, context);
  let lastEnd = -1;
  while (matches.length !== limit && matcher.find()) {
    context.assertInTime();
    const start = matcher.start();
    const end = matcher.end();
    if (start !== end || start !== lastEnd) matches.push(matchOf(matcher, start, end));
    lastEnd = end;
    assertWorkable(matches.length, MAX_MATCHES, "matches of a regular expression");
  }
  return matches;
}

function matchOf(matcher: Matcher, start: number, end: number): Match {
  const groups: (string | null)[] = [];
  for (let i = 0; i <= matcher.groupCount(); i++) groups.push(matcher.group(i));
  return { start, end, text: groups[0] ?? "", groups };
}

function split(expression: RE2JS, text: string, context: EvaluationContext): readonly string[] {
  if (text === "" && expression.pattern() !== "") return [""];
  const parts: string[] = [];
  let start = 0;
  let end = 0;
  for (const match of findMatches(expression, text, -1, context)) {
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(start, end));
    start = match.end;
  }
  if (end !== text.length) parts.push(text.slice(start));
  return parts;
}

function replace(expression: RE2JS, text: string, template: string, context: EvaluationContext): string {
  const parts: string[] = [];
  let units = 0;
  const append = (part: string): void => {
    units += part.length;
    assertWorkable(units, MAX_TEXT_UNITS, "characters of a result of regex.replace");
    parts.push(part);
  };
  let lastEnd = 0;
  const names = expression.namedGroups() as Readonly<Record<string, number>>;
  for (const match of findMatches(expression, text, -1, context)) {
    append(text.slice(lastEnd, match.start));
    append(expand(template, match, names));
    lastEnd = match.end;
  }
  append(text.slice(lastEnd));
  return parts.join("");
}

const REFERENCE = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu;
const GROUP_NUMBER = /^(?:0|[1-9][0-9]{0,8})$/;

/** `$1`, `${1}` and `${name}` are groups, `$$` is a dollar sign; a group that is not there is empty. */
function expand(template: string, { groups }: Match, names: Readonly<Record<string, number>>): string {
  return template.replace(REFERENCE, (reference, braced: string | undefined, bare: string | undefined) => {
    if (reference === "$$") return "$";
    const name = braced ?? bare ?? "";
    const index = GROUP_NUMBER.test(name)
      ? Number(name)
      : Object.hasOwn(names, name)
        ? names[name]!
        : groups.length;
    return groups[index] ?? "";
  });
}

function delimiter(text: string): string {
  if (Buffer.byteLength(text) !== 1)
    throw new UndefinedResult("a delimiter has to be exactly one character long");
  return text;
}

/** What stands between delimiters is a regular expression, everything else is meant literally. */
function templatePattern(template: string, open: string, close: string, expressions: Expressions): string {
  let pattern = "^";
  let literalStart = 0;
  let start = 0;
  let level = 0;
  for (let at = 0; at < template.length; at++) {
    if (template[at] === open) {
      if (++level === 1) start = at;
    } else if (template[at] === close) {
      if (--level < 0) throw new UndefinedResult("unbalanced braces");
      if (level > 0) continue;
      const expression = template.slice(start + 1, at);
      expressions.compile(`^${expression}$`);
      pattern += `${RE2JS.quote(template.slice(literalStart, start))}(${expression})`;
      literalStart = at + 1;
    }
  }
  if (level !== 0) throw new UndefinedResult("unbalanced braces");
  return `${pattern}${RE2JS.quote(template.slice(literalStart))}$`;
}
