/**
 * Completion for bash 4 and later. The script asks nothing of the program while it runs and needs no helper functions
 * of the bash-completion package.
 */

import type { CommandDescription } from "../agent-command.ts";
import { PROGRAM } from "../program.ts";
import {
  type CompletedValue,
  type CompletionScript,
  completedOperands,
  completedOptions,
} from "./completed-option.ts";

const FUNCTION = `_${PROGRAM.name.replaceAll("-", "_")}`;

export const bashCompletion: CompletionScript = (commands) => {
  const names = commands.map(({ name }) => name);
  return `# bash completion for ${PROGRAM.name}
${FUNCTION}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=${names[0]}
  # bash sees the equals sign of --option=value as a word of its own.
  if [[ $current == "=" ]]; then
    current=
  elif [[ $previous == "=" ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD > 1)); then
    case \${COMP_WORDS[1]} in
      ${names.join(" | ")}) command=\${COMP_WORDS[1]} ;;
    esac
  fi

  local words= files=
  case "$command $previous" in
${commands.flatMap(valueCases).join("\n")}
    *)
      case $command in
${commands.map(commandCase).join("\n")}
      esac
      if ((COMP_CWORD == 1)); then words+=" ${names.join(" ")}"; fi
      ;;
  esac

  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [[ -n $files && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F ${FUNCTION} ${PROGRAM.name}
`;
};

/** After an option that takes a value, only that value is offered. */
function valueCases(command: CommandDescription): string[] {
  return completedOptions(command).flatMap(({ spellings, value }) => {
    if (value === null) return [];
    const patterns = spellings.map((spelling) => `"${command.name} ${spelling}"`);
    return `    ${patterns.join(" | ")}) ${offer([value])} ;;`;
  });
}

function commandCase(command: CommandDescription): string {
  const spellings = completedOptions(command).flatMap((option) => option.spellings);
  return `        ${command.name}) ${offer([{ choices: spellings }, ...completedOperands(command)])} ;;`;
}

function offer(values: readonly CompletedValue[]): string {
  const words = values.flatMap((value) => (typeof value === "string" ? [] : value.choices));
  const assignments = [
    ...(words.length === 0 ? [] : [`words="${words.join(" ")}"`]),
    ...(values.includes("file") ? ["files=yes"] : []),
  ];
  return assignments.length === 0 ? ":" : assignments.join(" ");
}
