/**
 * Settings from flags, then environment, then defaults. The first thing wrong is reported alone, in one sentence.
 */

import * as v from "valibot";
import { capText, quoteText } from "../telemetry/hostile-text.ts";
import {
  type Fallback,
  listOperands,
  listOptions,
  type NamedOperand,
  type NamedOption,
  type ParameterTable,
  type Terminal,
} from "./option.ts";
import { OptionsError } from "./options-error.ts";
import { type Argument, readArguments } from "./read-arguments.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface OptionSources {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly terminal: Terminal;
}

type OptionalFallback = Exclude<Fallback<unknown>, { readonly required: true }>;

const MAX_SHOWN_LENGTH = 200;

/** Frozen. Throws OptionsError. */
export function readOptions<T extends object>(table: ParameterTable<T>, sources: OptionSources): Readonly<T> {
  const options = listOptions(table);
  const operands = listOperands(table);
  const given = readArguments(sources.argv, options, operands);
  const settings = [
    ...operands.map((operand) => [operand.setting, operandValue(operand, given, sources)]),
    ...options.map((option) => [option.setting, optionValue(option, given, sources)]),
  ];
  // Each entry was parsed by the kind that the table ties to its setting's type.
  return Object.freeze(Object.fromEntries(settings) as T);
}

type Given = ReadonlyMap<string, readonly Argument[]>;

function operandValue(operand: NamedOperand, given: Given, sources: OptionSources): unknown {
  const argument = given.get(operand.setting)?.[0];
  if (argument !== undefined) return parseValue(operand, operand.operand, argument.text);
  if ("required" in operand.fallback) {
    throw new OptionsError(
      "operand-required",
      `${operand.operand} is missing; give ${operand.kind.expected}.`,
    );
  }
  return fallbackOf(operand.fallback, sources.terminal);
}

function optionValue(option: NamedOption, given: Given, { env, terminal }: OptionSources): unknown {
  const found = given.get(option.setting);
  if (found !== undefined) {
    const values = found.map(({ text }) => parseValue(option, `--${option.flag}`, text));
    return option.kind.type === "list" ? values.flat() : values[0];
  }
  const variable = option.env === undefined ? "" : (env[option.env] ?? "");
  if (option.env !== undefined && variable !== "") return parseValue(option, option.env, variable);
  if ("required" in option.fallback) throw missingOption(option);
  return fallbackOf(option.fallback, terminal);
}

function parseValue({ kind }: NamedOption | NamedOperand, source: string, text: string): unknown {
  const result = v.safeParse(kind.schema, text);
  if (result.success) return result.output;
  const shown = text === "" ? "it is empty" : `${quoteText(capText(text, MAX_SHOWN_LENGTH))} was given`;
  throw new OptionsError("option-invalid", `${source} must be ${kind.expected}, but ${shown}.`);
}

function fallbackOf(fallback: OptionalFallback, terminal: Terminal): unknown {
  return "value" in fallback ? fallback.value : fallback.choose(terminal);
}

function missingOption(option: NamedOption): OptionsError {
  const value = option.kind.choices !== undefined ? option.kind.expected : (option.placeholder ?? "");
  const flag = `--${option.flag} ${value}`.trimEnd();
  const variable = option.env === undefined ? "" : ` or set ${option.env}`;
  return new OptionsError("option-required", `--${option.flag} is missing; give ${flag}${variable}.`);
}
