/** The command that makes a running agent load its module anew, and says how that went. */

import { escapeInvisible } from "../telemetry/hostile-text.ts";
import { ADMIN_OPTIONS, adminClient, type AdminPlace } from "./admin-options.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { PROGRAM } from "./program.ts";

export function reloadCommand(): DescribedCommand {
  return defineAgentCommand<AdminPlace>({
    name: "reload",
    summary: "Make a running agent load its module anew.",
    purpose:
      "Makes a running agent load its module anew, as SIGHUP does, and waits for the end. A module that cannot be used " +
      "leaves the one before in place.",
    usage: ["reload [options]"],
    examples: ["reload --socket /run/sentinel/wasm.sock"],
    exitCodes: [
      [ExitCode.ok, "the module of the file is served"],
      [ExitCode.failure, "it cannot be used; the module before serves on"],
      [ExitCode.usage, "wrong usage, or no agent answers"],
    ],
    options: ADMIN_OPTIONS,
    run: async (settings, { stdout, stderr }) => {
      const answer = await adminClient(settings).reload();
      if (answer.result === "success") {
        stdout.write(`The module with sha256 ${answer.sha256} is served.\n`);
        return ExitCode.ok;
      }
      const problem = escapeInvisible(answer.problem);
      stderr.writeLast(`${PROGRAM.name}: ${problem} (${answer.code})\nThe module before serves on.\n`);
      return ExitCode.failure;
    },
  });
}
