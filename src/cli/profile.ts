/** The command that takes a CPU profile of a running agent. */

import { InputError, systemReason } from "../event/input-error.ts";
import { ADMIN_OPTIONS, adminClient, type AdminPlace } from "./admin-options.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { integerKind, pathKind } from "./value-kind.ts";

interface ProfileSettings extends AdminPlace {
  readonly seconds: number;
  readonly outputPath: string;
}

const STDOUT = "-";

export function profileCommand(): DescribedCommand {
  return defineAgentCommand<ProfileSettings>({
    name: "profile",
    summary: "Take a CPU profile of a running agent.",
    purpose:
      "Takes a CPU profile of a running agent's event loop, with the names of the module's functions. Chrome, Firefox " +
      "and speedscope open it. Its beginning holds the event loop for some tens of milliseconds.",
    usage: ["profile [options]"],
    examples: ["profile --seconds 10 -o agent.cpuprofile"],
    exitCodes: [
      [ExitCode.ok, "the profile was written"],
      [ExitCode.failure, "failed while running"],
      [ExitCode.usage, "wrong usage, no agent answers, or the file cannot be written"],
    ],
    options: {
      ...ADMIN_OPTIONS,
      seconds: {
        flag: "seconds",
        kind: integerKind({ min: 1, max: 60 }),
        fallback: { value: 10 },
        placeholder: "<seconds>",
        description: "How long to look.",
        group: "Output",
      },
      outputPath: {
        flag: "output",
        alias: "o",
        kind: pathKind(),
        fallback: { value: "agent.cpuprofile" },
        placeholder: "<file>",
        description: "Where to write it; - writes to standard output.",
        group: "Output",
      },
    },
    run: async (settings, { stdout, stderr }) => {
      const { outputPath, seconds } = settings;
      const profile = await adminClient(settings).profile(seconds);
      if (outputPath === STDOUT) {
        stdout.write(`${profile}\n`);
        return ExitCode.ok;
      }
      try {
        await Bun.write(outputPath, profile);
      } catch (cause) {
        const reason = systemReason(cause);
        throw new InputError("output-unwritable", `cannot write ${outputPath}: ${reason}`, { cause });
      }
      stderr.writeLast(`Wrote ${outputPath}.\n`);
      return ExitCode.ok;
    },
  });
}
