/**
 * What a shell needs to know of an option or operand to complete it, the same for every shell. How a shell is told
 * stands in its own file.
 */

import type { CommandDescription } from "../agent-command.ts";
import { isOnByDefault, type NamedOption } from "../option.ts";
import type { ValueKind } from "../value-kind.ts";

export interface CompletedOption {
  /** Every way to write it, dashes included, the long one first: `--verbose`, `-v`. */
  readonly spellings: readonly [string, ...string[]];
  readonly description: string;
  /** Null for a switch. */
  readonly value: CompletedValue | null;
  readonly isRepeatable: boolean;
}

/** Words to choose from, a file, or something only the operator can know. */
export type CompletedValue = { readonly choices: readonly string[] } | "file" | "free";

/** Writes the script that makes a shell complete the program's command lines. The first command is the default one. */
export type CompletionScript = (commands: readonly CommandDescription[]) => string;

const BUILT_IN: readonly CompletedOption[] = [
  { spellings: ["--help", "-h"], description: "Show the help page.", value: null, isRepeatable: false },
  { spellings: ["--version", "-V"], description: "Show the version.", value: null, isRepeatable: false },
];

export function completedOptions(command: CommandDescription): CompletedOption[] {
  return [...command.options.map(completedOption), ...BUILT_IN];
}

/** What may stand where no option does. */
export function completedOperands(command: CommandDescription): CompletedValue[] {
  return command.operands.map(({ kind }) => completedValue(kind));
}

function completedOption(option: NamedOption): CompletedOption {
  const { alias, description, flag, kind } = option;
  const long = isOnByDefault(option) ? `--no-${flag}` : `--${flag}`;
  return {
    spellings: alias === undefined ? [long] : [long, `-${alias}`],
    description,
    value: kind.type === "switch" ? null : completedValue(kind),
    isRepeatable: kind.type === "list",
  };
}

function completedValue(kind: ValueKind<unknown>): CompletedValue {
  if (kind.choices !== undefined) return { choices: kind.choices };
  return kind.isPath === true ? "file" : "free";
}
