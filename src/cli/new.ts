/** The command that starts a module project from a template. */

import { scaffold } from "../tools/scaffold.ts";
import { TEMPLATE_NAMES, type TemplateName } from "../tools/templates.ts";
import { escapeInvisible } from "../telemetry/hostile-text.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { PROGRAM } from "./program.ts";
import { choiceKind, pathKind } from "./value-kind.ts";

interface NewSettings {
  readonly folder: string;
  readonly template: TemplateName;
}

export function newCommand(): DescribedCommand {
  return defineAgentCommand<NewSettings>({
    name: "new",
    summary: "Start a module project from a template.",
    purpose:
      "Makes a folder with a whole policy module in the language of your choice, and tells the one command that " +
      "builds it. Nothing is downloaded here; what the toolchain needs, its build fetches.",
    usage: ["new <folder> --template <name>"],
    examples: ["new my-policy --template rust", "new my-policy -t assemblyscript"],
    exitCodes: [
      [ExitCode.ok, "the project is there"],
      [ExitCode.usage, "wrong usage, or a folder that is not empty or cannot be written"],
    ],
    options: {
      folder: {
        operand: "<folder>",
        kind: pathKind(),
        fallback: { required: true },
        description: "Where to make the project. It must be empty, or not exist yet.",
      },
      template: {
        flag: "template",
        alias: "t",
        alsoKnownAs: ["language", "lang"],
        kind: choiceKind(TEMPLATE_NAMES),
        fallback: { required: true },
        placeholder: "<name>",
        description: `The language: ${TEMPLATE_NAMES.join(", ")}.`,
        group: "Project",
      },
    },
    run: async ({ folder, template }, { stdout }) => {
      const { files, buildCommand } = scaffold(folder, template);
      stdout.write(
        [
          `Made ${escapeInvisible(folder)} from the ${template} template, ${files.length} files; its README says which to change.`,
          "",
          "Next:",
          `  cd ${shellWord(folder)} && ${buildCommand}`,
          `  ${PROGRAM.name} dev`,
          "",
        ].join("\n"),
      );
      return ExitCode.ok;
    },
  });
}

/** Fit to be pasted into a shell, and free of characters that could drive the terminal it is shown on. */
function shellWord(text: string): string {
  if (/^[\w./@%+,:=-]+$/.test(text) && !text.startsWith("-")) return text;
  if (escapeInvisible(text) === text) return `'${text.replaceAll("'", "'\\''")}'`;
  const bytes = [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`);
  return `$'${bytes.join("")}'`;
}
