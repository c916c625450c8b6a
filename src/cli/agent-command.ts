/**
 * Makes a citty command out of what is particular to it: its words, its options and what it does. `--help` and
 * `--version` are answered here; errors are command-line's business.
 */

import { type CommandDef, defineCommand } from "citty";
import { EXIT_CODE_MEANINGS, ExitCode, type ExitCodeMeaning } from "./exit-codes.ts";
import { type CommandSummary, renderHelp } from "./help.ts";
import {
  listOperands,
  listOptions,
  type NamedOperand,
  type NamedOption,
  type ParameterTable,
} from "./option.ts";
import { PROGRAM } from "./program.ts";
import { readOptions } from "./read-options.ts";
import { type Surroundings, wantsColour } from "./surroundings.ts";

export interface AgentCommand<T extends object> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Opens the help page; the summary does where there is none. */
  readonly purpose?: string;
  readonly usage: readonly string[];
  readonly examples: readonly string[];
  readonly options: ParameterTable<T>;
  /** What its exit codes mean, where that differs from the command that serves. */
  readonly exitCodes?: readonly ExitCodeMeaning[];
  /** Returns the exit code. May throw OptionsError. */
  run(settings: Readonly<T>, surroundings: Surroundings): Promise<number>;
}

/** What can be said of a command without running it: its help, its part of the manual page, its completions. */
export interface CommandDescription {
  readonly name: string;
  readonly summary: string;
  readonly purpose: string;
  /** Command lines without the program's name, as are the examples. */
  readonly usage: readonly string[];
  readonly examples: readonly string[];
  /** In the order in which they are expected. */
  readonly operands: readonly NamedOperand[];
  readonly options: readonly NamedOption[];
  readonly exitCodes: readonly ExitCodeMeaning[];
}

export type DescribedCommand = CommandDef & { readonly description: CommandDescription };

/** What command-line hands to every command as citty's `data`. */
export interface CommandData {
  readonly surroundings: Surroundings;
  /** Named on the help page: all of them on the page of the program itself, else none. */
  readonly commands: readonly CommandSummary[];
}

export function defineAgentCommand<T extends object>(command: AgentCommand<T>): DescribedCommand {
  const description = describeCommand(command);
  const definition = defineCommand({
    meta: { name: command.name, description: command.summary },
    run: async ({ rawArgs, data }) => {
      const { surroundings, commands }: CommandData = data;
      const { env, stdout, stdoutIsTerminal, stderrIsTerminal } = surroundings;
      if (names(rawArgs, "--help", "-h")) {
        const colour = wantsColour(env, stdoutIsTerminal);
        stdout.write(renderHelp({ ...description, summary: description.purpose, commands, colour }));
        return ExitCode.ok;
      }
      if (names(rawArgs, "--version", "-V")) {
        stdout.write(`${PROGRAM.name} ${PROGRAM.version}\n`);
        return ExitCode.ok;
      }
      const settings = readOptions(command.options, { argv: rawArgs, env, terminal: { stderrIsTerminal } });
      return command.run(settings, surroundings);
    },
  });
  return { ...definition, description };
}

function describeCommand<T extends object>(command: AgentCommand<T>): CommandDescription {
  const { name, summary, purpose = summary, usage, examples, exitCodes = EXIT_CODE_MEANINGS } = command;
  return {
    name,
    summary,
    purpose,
    usage,
    examples,
    operands: listOperands(command.options),
    options: listOptions(command.options),
    exitCodes,
  };
}

function names(argv: readonly string[], long: string, short: string): boolean {
  const end = argv.indexOf("--");
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.includes(long) || flags.includes(short);
}
