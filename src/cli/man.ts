/** The command that prints the manual page. */

import { type CommandDescription, type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { renderManPage } from "./man-page.ts";

/** `listCommands` is asked when the command runs. */
export function manCommand(listCommands: () => readonly CommandDescription[]): DescribedCommand {
  return defineAgentCommand<Record<never, never>>({
    name: "man",
    summary: "Print the manual page.",
    purpose: "Print the manual page, for man(1) to read.",
    usage: ["man"],
    examples: ["man | man -l -"],
    options: {},
    exitCodes: [
      [ExitCode.ok, "printed"],
      [ExitCode.usage, "wrong usage"],
    ],
    run: async (_settings, { stdout }) => {
      stdout.write(renderManPage(listCommands()));
      return ExitCode.ok;
    },
  });
}
