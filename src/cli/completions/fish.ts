/** Completion for fish. */

import type { CommandDescription } from "../agent-command.ts";
import { PROGRAM } from "../program.ts";
import {
  type CompletedOption,
  type CompletedValue,
  type CompletionScript,
  completedOperands,
  completedOptions,
} from "./completed-option.ts";

const COMPLETE = `complete -c ${PROGRAM.name}`;

export const fishCompletion: CompletionScript = (commands) => {
  const [, ...named] = commands.map(({ name }) => name);
  const lines = [
    `# fish completion for ${PROGRAM.name}`,
    `${COMPLETE} -f`,
    ...commands.map(
      ({ name, summary }) => `${COMPLETE} -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
    ),
    ...commands.flatMap((command, index) =>
      commandLines(command, condition(command, index === 0 ? named : null)),
    ),
  ];
  return `${lines.join("\n")}\n`;
};

/** The default command is meant as long as none of the others is named. */
function condition(command: CommandDescription, others: readonly string[] | null): string {
  const seen = "__fish_seen_subcommand_from";
  if (others === null) return `-n ${quote(`${seen} ${command.name}`)}`;
  return others.length === 0 ? "" : `-n ${quote(`not ${seen} ${others.join(" ")}`)}`;
}

function commandLines(command: CommandDescription, when: string): string[] {
  return [
    ...completedOptions(command).map((option) => [COMPLETE, when, ...optionWords(option)]),
    ...completedOperands(command).map((value) => [COMPLETE, when, operandWords(value)]),
  ].map((words) => words.filter((word) => word !== "").join(" "));
}

function optionWords({ spellings, description, value }: CompletedOption): string[] {
  const names = spellings.map((spelling) =>
    spelling.startsWith("--") ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`,
  );
  return [...names, value === null ? "" : valueWords(value), `-d ${quote(description)}`];
}

/** `-x` asks for a value and offers no files, `-r -F` asks for one and does. */
function valueWords(value: CompletedValue): string {
  if (value === "file") return "-r -F";
  return value === "free" ? "-x" : `-x -a ${quote(value.choices.join(" "))}`;
}

function operandWords(value: CompletedValue): string {
  if (value === "file") return "-F";
  return value === "free" ? "" : `-a ${quote(value.choices.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
