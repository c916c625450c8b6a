/**
 * What is known about one option or operand, from which parsing, help, tables, manual page and completions are made.
 * What the options are stands in options.ts for serving, and beside its command for every other one.
 */

import type { ValueKind } from "./value-kind.ts";

export interface Option<T> {
  /** Without the two dashes. */
  readonly flag: string;
  /** One letter, without the dash. */
  readonly alias?: string;
  /** Other names that people may know it by: only to suggest the right one. */
  readonly alsoKnownAs?: readonly string[];
  /** The variable that sets it, too. What concerns a single run alone has none. */
  readonly env?: string;
  readonly kind: ValueKind<T>;
  readonly fallback: Fallback<T>;
  /** What stands for the value in help: `<file>`, `0660`, `pretty|json`. A switch has none. */
  readonly placeholder?: string;
  /** One sentence or two. Of a switch that is on by default, it tells what `--no-...` does. */
  readonly description: string;
  readonly group: string;
}

/** A value that stands by itself, without a flag before it. */
export interface Operand<T> {
  /** What stands for it in help: `<module.wasm>`. */
  readonly operand: string;
  readonly kind: ValueKind<T>;
  readonly fallback: Fallback<T>;
  /** One sentence or two. */
  readonly description: string;
}

export type Fallback<T> =
  | { readonly required: true }
  | { readonly value: T }
  | { readonly describe: string; readonly choose: (terminal: Terminal) => T };

export interface Terminal {
  readonly stderrIsTerminal: boolean;
}

/** One option for every setting, in the order in which help shows them. */
export type OptionTable<T extends object> = { readonly [Setting in keyof T]-?: Option<T[Setting]> };

/** An option or operand for every setting. Operands are expected on the command line in the order of the table. */
export type ParameterTable<T extends object> = {
  readonly [Setting in keyof T]-?: Option<T[Setting]> | Operand<T[Setting]>;
};

export type NamedOption = Option<unknown> & { readonly setting: string };
export type NamedOperand = Operand<unknown> & { readonly setting: string };

export function listOptions<T extends object>(table: ParameterTable<T>): NamedOption[] {
  return listParameters(table).filter((parameter) => "flag" in parameter);
}

export function listOperands<T extends object>(table: ParameterTable<T>): NamedOperand[] {
  return listParameters(table).filter((parameter) => "operand" in parameter);
}

function listParameters<T extends object>(table: ParameterTable<T>): (NamedOption | NamedOperand)[] {
  const entries: [string, Option<unknown> | Operand<unknown>][] = Object.entries(table);
  return entries.map(([setting, parameter]) => ({ ...parameter, setting }));
}

/** A switch that is on unless it is switched off: its help shows `--no-...`. */
export function isOnByDefault(option: Option<unknown>): boolean {
  return option.kind.type === "switch" && "value" in option.fallback && option.fallback.value === true;
}

/** The default in words, or null where a value is required or a plain "off" says nothing. */
export function describeDefault(option: Option<unknown> | Operand<unknown>): string | null {
  if ("required" in option.fallback) return null;
  if ("describe" in option.fallback) return option.fallback.describe;
  return option.kind.show(option.fallback.value);
}
