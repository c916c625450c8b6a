/** Completion for zsh, as a function file for `$fpath` that can be sourced as well. */

import type { CommandDescription } from "../agent-command.ts";
import { PROGRAM } from "../program.ts";
import {
  type CompletedOption,
  type CompletedValue,
  type CompletionScript,
  completedOperands,
  completedOptions,
} from "./completed-option.ts";

export const zshCompletion: CompletionScript = (commands) => {
  const names = commands.map(({ name }) => name);
  return `#compdef ${PROGRAM.name}
_${PROGRAM.name}() {
  local command=${names[0]}
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  if [[ $words[2] == (${names.join("|")}) ]]; then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  case $command in
${commands.map(commandCase).join("\n")}
  esac
}

if [[ $funcstack[1] == _${PROGRAM.name} ]]; then
  _${PROGRAM.name} "$@"
else
  compdef _${PROGRAM.name} ${PROGRAM.name}
fi
`;
};

function commandCase(command: CommandDescription): string {
  const specs = [
    ...completedOptions(command).flatMap(optionSpecs),
    ...completedOperands(command).map((value) => `:argument:${action(value)}`),
  ];
  const lines = specs.map((spec) => `        ${quote(spec)}`);
  return `    ${command.name})\n      _arguments -S \\\n${lines.join(" \\\n")}\n      ;;`;
}

/** One specification of _arguments for each spelling; one spelling given rules out the others. */
function optionSpecs({ spellings, description, value, isRepeatable }: CompletedOption): string[] {
  const explanation = `[${description.replace(/[[\]\\]/g, "\\$&")}]`;
  const rivals = isRepeatable ? "*" : `(${spellings.join(" ")})`;
  return spellings.map((spelling) => {
    if (value === null) return `${rivals}${spelling}${explanation}`;
    const separator = spelling.startsWith("--") ? "=" : "";
    return `${rivals}${spelling}${separator}${explanation}:value:${action(value)}`;
  });
}

function action(value: CompletedValue): string {
  if (value === "file") return "_files";
  return value === "free" ? "" : `(${value.choices.join(" ")})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
