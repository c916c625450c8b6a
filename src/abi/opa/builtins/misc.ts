/** Functions that need nothing but the evaluation: random numbers, and lines for the log. */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, RegoSet, type RegoValue } from "../values/rego-value.ts";
import {
  type BuiltinTable,
  type EvaluationContext,
  integerArgument,
  stringArgument,
  UndefinedResult,
} from "./builtin.ts";
import { printRego } from "./go-quote.ts";

export const MISC: BuiltinTable = {
  "rand.intn": (args, context) => randomBelow(stringArgument(args, 0), integerArgument(args, 1), context),
  trace: (args, context) => {
    context.print(stringArgument(args, 0));
    return true;
  },
  print: () => true,
  "internal.print": (args, context) => {
    context.print(printed(args[0]));
    return true;
  },
};

/** The same number for the same name and bound in one evaluation. */
function randomBelow(name: string, bound: number, context: EvaluationContext): RegoValue {
  const size = Math.abs(bound);
  if (size === 0) return RegoNumber.of(0);
  const key = `rand ${name}-${size}`;
  const known = context.memo.get(key);
  if (known !== undefined) return known;
  const bytes = Buffer.alloc(16);
  context.fillRandom(bytes);
  const drawn = RegoNumber.of(BigInt(`0x${bytes.toString("hex")}`) % BigInt(size));
  context.memo.set(key, drawn);
  return drawn;
}

/** Each argument is a set of the values it has, empty for an undefined one. */
function printed(args: RegoValue | undefined): string {
  if (!isArray(args)) throw new UndefinedResult("argument 1 is not an array");
  return args
    .map((values) => {
      const [value] = values instanceof RegoSet ? values.values() : [];
      if (value === undefined) return "<undefined>";
      return typeof value === "string" ? value : printRego(value);
    })
    .join(" ");
}
