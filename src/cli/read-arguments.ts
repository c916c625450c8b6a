/**
 * Splits a command line into the options it names, and refuses what no option explains. What a value means is decided
 * in read-options.ts.
 */

import { parseArgs } from "node:util";
import { capText, quoteText } from "../telemetry/hostile-text.ts";
import { nearestName } from "./nearest-name.ts";
import type { NamedOperand, NamedOption } from "./option.ts";
import { OptionsError } from "./options-error.ts";

export interface Argument {
  /** As the operator wrote it, `--limits`, `--no-limits` or `-v`: for messages. */
  readonly spelled: string;
  readonly text: string;
}

type OptionToken = {
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue?: boolean | undefined;
};

/** What names an argument in a message is bounded; nobody needs to see a megabyte again. */
const MAX_SHOWN_LENGTH = 200;

/**
 * By setting; more than one argument only for an option that is a list. Throws OptionsError at the first argument that
 * does not fit.
 */
export function readArguments(
  argv: readonly string[],
  options: readonly NamedOption[],
  operands: readonly NamedOperand[] = [],
): Map<string, Argument[]> {
  const byName = new Map<string, NamedOption>();
  for (const option of options) {
    byName.set(`--${option.flag}`, option);
    if (option.alias !== undefined) byName.set(`-${option.alias}`, option);
  }
  const found = new Map<string, Argument[]>();
  let lastSwitch: string | null = null;
  let operandCount = 0;
  for (const token of tokenize(argv, options)) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      const operand = operands[operandCount++];
      if (operand === undefined) throw unexpectedArgument(token.value, lastSwitch, operands);
      found.set(operand.setting, [{ spelled: operand.operand, text: token.value }]);
      continue;
    }
    const option = byName.get(token.rawName) ?? negated(token, byName);
    if (option === undefined) throw unknownOption(token.rawName, options);
    const before = found.get(option.setting) ?? [];
    if (before.length > 0 && option.kind.type !== "list") {
      throw new OptionsError("option-repeated", `--${option.flag} is given more than once; give it once.`);
    }
    found.set(option.setting, [...before, { spelled: token.rawName, text: textOf(token, option) }]);
    const isBareSwitch = option.kind.type === "switch" && token.value === undefined;
    lastSwitch = isBareSwitch ? `--${option.flag}` : null;
  }
  return found;
}

function tokenize(argv: readonly string[], options: readonly NamedOption[]) {
  const known = options.map(({ flag, alias, kind }) => {
    const type: "boolean" | "string" = kind.type === "switch" ? "boolean" : "string";
    return [flag, alias === undefined ? { type } : { type, short: alias }] as const;
  });
  const config = {
    args: [...argv],
    options: Object.fromEntries(known),
    strict: false,
    allowPositionals: true,
    tokens: true,
  } as const;
  return parseArgs(config).tokens;
}

/** The switch that `--no-name` turns off. */
function negated(token: OptionToken, byName: ReadonlyMap<string, NamedOption>): NamedOption | undefined {
  if (!token.rawName.startsWith("--no-")) return undefined;
  const option = byName.get(`--${token.rawName.slice("--no-".length)}`);
  return option?.kind.type === "switch" ? option : undefined;
}

function textOf(token: OptionToken, option: NamedOption): string {
  const { rawName: spelled, value } = token;
  if (option.kind.type === "switch") {
    if (spelled !== `--no-${option.flag}`) return value ?? "true";
    if (value === undefined) return "false";
    throw new OptionsError("option-value-unexpected", `${spelled} takes no value; write ${spelled} alone.`);
  }
  // Another option's name in the place of the value means that the value was forgotten.
  const forgotten = value === undefined || (token.inlineValue !== true && /^--?[a-z]/i.test(value));
  if (forgotten) {
    throw new OptionsError("option-value-missing", `${spelled} needs a value: ${option.kind.expected}.`);
  }
  return value;
}

function unexpectedArgument(
  text: string,
  lastSwitch: string | null,
  operands: readonly NamedOperand[],
): OptionsError {
  const shown = quoteText(capText(text, MAX_SHOWN_LENGTH));
  const advice =
    lastSwitch !== null
      ? `${lastSwitch} takes its value with an equals sign, as in ${lastSwitch}=false.`
      : operands.length > 0
        ? `besides options, only ${operands.map(({ operand }) => operand).join(" ")} is expected.`
        : "values follow their option, and a command comes first.";
  return new OptionsError("argument-unexpected", `Unexpected argument ${shown}: ${advice}`);
}

function unknownOption(rawName: string, options: readonly NamedOption[]): OptionsError {
  const meantFlags = new Map<string, string>();
  for (const { flag, kind, alsoKnownAs = [] } of options) {
    meantFlags.set(flag, flag);
    if (kind.type === "switch") meantFlags.set(`no-${flag}`, `no-${flag}`);
    for (const other of alsoKnownAs) meantFlags.set(other, flag);
  }
  for (const builtIn of ["help", "version"]) meantFlags.set(builtIn, builtIn);
  const nearest = nearestName(rawName.replace(/^-+/, ""), [...meantFlags.keys()]);
  const shown = capText(rawName, MAX_SHOWN_LENGTH);
  const name = /^[\w-]+$/.test(shown) ? shown : quoteText(shown);
  const advice = nearest === null ? "." : `; did you mean --${meantFlags.get(nearest)}?`;
  return new OptionsError("option-unknown", `Unknown option ${name}${advice}`);
}
