/**
 * Runs the command that a command line names and turns every way to end into an exit code. A wrong command line is one
 * sentence on stderr; nobody is shown a stack trace for a typing error.
 */

import { type CommandDef, runCommand } from "citty";
import { capText, quoteText } from "../telemetry/hostile-text.ts";
import type { CommandData } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { describeFatalError } from "./fatal-error.ts";
import type { CommandSummary } from "./help.ts";
import { nearestName } from "./nearest-name.ts";
import { OptionsError } from "./options-error.ts";
import type { Surroundings } from "./surroundings.ts";

/** By name, in the order in which help lists them. */
export type CommandTree = Readonly<Record<string, CommandDef>>;

const MAX_SHOWN_LENGTH = 200;
const MAX_FLUSH_MS = 500;

/** Never rejects. A command is named by the first argument; without one, `defaultCommand` runs. */
export async function runCommandLine(
  tree: CommandTree,
  defaultCommand: string,
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const { stdout, stderr } = surroundings;
  const [first = "", ...rest] = argv;
  const isNamed = first !== "" && !first.startsWith("-");
  try {
    const command = isNamed ? findCommand(tree, first) : findCommand(tree, defaultCommand);
    const isProgramPage = !isNamed || first === defaultCommand;
    const data: CommandData = { surroundings, commands: isProgramPage ? await summarize(tree) : [] };
    const { result } = await runCommand(command, { rawArgs: isNamed ? rest : [...argv], data });
    stdout.assertWritten();
    return typeof result === "number" ? result : ExitCode.ok;
  } catch (error) {
    const help = isNamed && Object.hasOwn(tree, first) ? `${first} --help` : "--help";
    const { text, exitCode } = describeFatalError(error, help);
    stderr.writeLast(text);
    return exitCode;
  } finally {
    stderr.flush(MAX_FLUSH_MS);
  }
}

function findCommand(tree: CommandTree, name: string): CommandDef {
  const command = Object.hasOwn(tree, name) ? tree[name] : undefined;
  if (command !== undefined) return command;
  const shown = quoteText(capText(name, MAX_SHOWN_LENGTH));
  const nearest = nearestName(name, Object.keys(tree));
  const advice =
    nearest !== null
      ? `; did you mean ${nearest}?`
      : name.endsWith(".wasm")
        ? "; a module to serve is given with --module."
        : ".";
  throw new OptionsError("command-unknown", `Unknown command ${shown}${advice}`);
}

async function summarize(tree: CommandTree): Promise<CommandSummary[]> {
  return Promise.all(
    Object.entries(tree).map(async ([name, { meta }]) => {
      const { description = "" } = (await (typeof meta === "function" ? meta() : meta)) ?? {};
      return { name, summary: description };
    }),
  );
}
