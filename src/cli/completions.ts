/**
 * The command that prints a completion script for a shell. Packages install its output; who downloaded the executable
 * alone prints it once.
 */

import { type CommandDescription, type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { bashCompletion } from "./completions/bash.ts";
import type { CompletionScript } from "./completions/completed-option.ts";
import { fishCompletion } from "./completions/fish.ts";
import { zshCompletion } from "./completions/zsh.ts";
import { ExitCode } from "./exit-codes.ts";
import { choiceKind } from "./value-kind.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

type Shell = (typeof SHELLS)[number];

const SCRIPTS: Readonly<Record<Shell, CompletionScript>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `listCommands` is asked when the command runs. */
export function completionsCommand(listCommands: () => readonly CommandDescription[]): DescribedCommand {
  return defineAgentCommand<{ shell: Shell }>({
    name: "completions",
    summary: "Print a completion script for a shell.",
    usage: [`completions ${SHELLS.join("|")}`],
    examples: ["completions bash > /etc/bash_completion.d/sentinel-wasm-agent"],
    options: {
      shell: {
        operand: "<shell>",
        kind: choiceKind(SHELLS),
        fallback: { required: true },
        description: `The shell: ${SHELLS.join(", ")}.`,
      },
    },
    exitCodes: [
      [ExitCode.ok, "printed"],
      [ExitCode.usage, "wrong usage"],
    ],
    run: async ({ shell }, { stdout }) => {
      stdout.write(SCRIPTS[shell](listCommands()));
      return ExitCode.ok;
    },
  });
}
