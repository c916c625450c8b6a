/** `glob.quote_meta`, and `regex.globs_match`: whether two patterns of literals, `.`, sets, `*` and `+` have a match in common. */

import {
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  stringArgument,
  UndefinedResult,
} from "./builtin.ts";

const SPECIAL = /[\\?*[\]{}]/g;
const MAX_TOKENS = 1024;
const UNITS_PER_STEP = 200;

export const GLOB: BuiltinTable = {
  "glob.quote_meta": (args) => stringArgument(args, 0).replace(SPECIAL, "\\$&"),
};

export const GLOBS_MATCH: BuiltinTable = {
  "regex.globs_match": (args, context) => {
    const left = tokenize(stringArgument(args, 0));
    const right = tokenize(stringArgument(args, 1));
    return new Intersection(left, right, context).isNonEmpty();
  },
};

type Range = readonly [first: number, last: number];

interface Token {
  /** Null is any character. */
  readonly ranges: readonly Range[] | null;
  readonly repeats: "once" | "plus" | "star";
}

function tokenize(pattern: string): readonly Token[] {
  const characters = [...pattern];
  assertWorkable(characters.length, MAX_TOKENS, "characters of a pattern of regex.globs_match");
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; ) {
    const { ranges, next } = nextRanges(characters, at);
    const mark = characters[next];
    const repeats = mark === "*" ? "star" : mark === "+" ? "plus" : "once";
    at = repeats === "once" ? next : next + 1;
    append(tokens, { ranges, repeats });
  }
  return tokens;
}

/** Repeated tokens of the same characters become one. */
function append(tokens: Token[], token: Token): void {
  const last = tokens.at(-1);
  const isSame =
    last !== undefined &&
    last.repeats !== "once" &&
    token.repeats !== "once" &&
    JSON.stringify(last.ranges) === JSON.stringify(token.ranges);
  if (!isSame) tokens.push(token);
  else if (token.repeats === "plus") tokens[tokens.length - 1] = token;
}

function nextRanges(characters: readonly string[], at: number): { ranges: Token["ranges"]; next: number } {
  const character = characters[at]!;
  switch (character) {
    case ".":
      return { ranges: null, next: at + 1 };
    case "[":
      return set(characters, at + 1);
    case "]":
    case "*":
    case "+":
      throw new UndefinedResult(`${character} at ${at} has nothing before it`);
    default: {
      const { code, next } = literal(characters, at);
      return { ranges: [[code, code]], next };
    }
  }
}

function literal(
  characters: readonly string[],
  at: number,
): { code: number; next: number; isEscaped: boolean } {
  const isEscaped = characters[at] === "\\";
  const character = characters[isEscaped ? at + 1 : at];
  if (character === undefined) throw new UndefinedResult("the pattern ends too early");
  return { code: character.codePointAt(0)!, next: at + (isEscaped ? 2 : 1), isEscaped };
}

function set(characters: readonly string[], start: number): { ranges: readonly Range[]; next: number } {
  const ranges: Range[] = [];
  let before: number | null = null;
  for (let at = start; ; ) {
    const character = characters[at];
    if (character === "]") return { ranges, next: at + 1 };
    const { code, next } = literal(characters, at);
    at = next;
    if (character !== "-") {
      ranges.push([code, code]);
      before = code;
      continue;
    }
    if (before === null) throw new UndefinedResult("a range has no first character");
    const last = literal(characters, at);
    const isSymbol = !last.isEscaped && (characters[at] === "]" || characters[at] === "-");
    if (isSymbol || last.code < before) throw new UndefinedResult("a range is out of order");
    ranges.push([before, last.code]);
    before = null;
    at = last.next;
  }
}

function haveCommon(a: Token, b: Token): boolean {
  if (a.ranges === null || b.ranges === null) return true;
  return a.ranges.some(([first, last]) => b.ranges!.some((other) => first <= other[1] && other[0] <= last));
}

/**
 * The algorithm of github.com/yashtewari/glob-intersection, which OPA uses, with its answers kept: it asks for the same
 * two rests again and again.
 */
class Intersection {
  readonly #context: EvaluationContext;
  readonly #answers = new Map<string, boolean>();
  readonly #sides: readonly [readonly Token[], readonly Token[]];

  constructor(left: readonly Token[], right: readonly Token[], context: EvaluationContext) {
    this.#sides = [left, right];
    this.#context = context;
  }

  isNonEmpty(): boolean {
    return this.#rest(0, 0, 0);
  }

  /** Whether the rests of both patterns, from there on, have a match in common. `side` is the one that `i` belongs to. */
  #rest(side: 0 | 1, i: number, j: number): boolean {
    const key = `${side} ${i} ${j}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    this.#context.charge(UNITS_PER_STEP);
    this.#context.assertInTime();
    const answer = this.#compare(side, i, j);
    this.#answers.set(key, answer);
    return answer;
  }

  #compare(side: 0 | 1, start: number, otherStart: number): boolean {
    const [own, other] = this.#ordered(side);
    let i = start;
    let j = otherStart;
    for (; i < own.length && j < other.length; i++, j++) {
      if (own[i]!.repeats !== "once") return this.#repeated(side, i, j);
      if (other[j]!.repeats !== "once") return this.#repeated(side === 0 ? 1 : 0, j, i);
      if (!haveCommon(own[i]!, other[j]!)) return false;
    }
    return i === own.length && j === other.length;
  }

  /** The pattern of `side` has a repeated token at `i`. */
  #repeated(side: 0 | 1, i: number, j: number): boolean {
    const [own, other] = this.#ordered(side);
    if (own[i]!.repeats === "star") return this.#star(side, i, j);
    if (!haveCommon(own[i]!, other[j]!)) return false;
    if (this.#star(side, i, j + 1)) return true;
    return other[j]!.repeats !== "once" && this.#rest(side, i + 1, j);
  }

  /** The token takes one token of the other pattern after the other, until the rests have a match. */
  #star(side: 0 | 1, i: number, j: number): boolean {
    const [own, other] = this.#ordered(side);
    const next = own[i + 1];
    for (let at = j; at < other.length; at++) {
      this.#context.charge(UNITS_PER_STEP);
      if (next !== undefined && haveCommon(other[at]!, next) && this.#rest(side, i + 1, at)) return true;
      if (!haveCommon(other[at]!, own[i]!)) return false;
    }
    return next === undefined;
  }

  #ordered(side: 0 | 1): readonly [readonly Token[], readonly Token[]] {
    return side === 0 ? this.#sides : [this.#sides[1], this.#sides[0]];
  }
}
