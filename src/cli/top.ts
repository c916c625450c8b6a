/** The command that shows what a running agent does, again and again. */

import { top } from "../tools/operate/top.ts";
import { ADMIN_OPTIONS, adminClient, type AdminPlace } from "./admin-options.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { paintWith } from "./paint.ts";
import { wantsColour } from "./surroundings.ts";
import { integerKind } from "./value-kind.ts";

interface TopSettings extends AdminPlace {
  readonly intervalSeconds: number;
  readonly count: number | null;
}

export function topCommand(): DescribedCommand {
  return defineAgentCommand<TopSettings>({
    name: "top",
    summary: "Watch what a running agent does.",
    purpose:
      "Shows the rates, latency, verdicts, failures, instances and memory of a running agent, and draws them anew each " +
      "second: q ends it, the space bar holds it. Where the output is no terminal, each look is a line.",
    usage: ["top [options]"],
    examples: ["top", "top --interval 5 --socket /run/sentinel/wasm.sock", "top --count 10 > load.txt"],
    exitCodes: [
      [ExitCode.ok, "ended as asked"],
      [ExitCode.failure, "failed while running"],
      [ExitCode.usage, "wrong usage, or no agent answers"],
    ],
    options: {
      ...ADMIN_OPTIONS,
      intervalSeconds: {
        flag: "interval",
        kind: integerKind({ min: 1, max: 3600 }),
        fallback: { value: 1 },
        placeholder: "<seconds>",
        description: "Between two looks.",
        group: "Output",
      },
      count: {
        flag: "count",
        kind: integerKind({ min: 1, max: 1_000_000 }),
        fallback: { describe: "until it is ended", choose: () => null },
        placeholder: "<looks>",
        description: "How often to look.",
        group: "Output",
      },
    },
    run: async (settings, { env, stdout, stdoutIsTerminal }) => {
      await top({
        client: adminClient(settings),
        write: (text) => {
          stdout.write(text);
          return !stdout.hasFailed;
        },
        size: stdoutIsTerminal
          ? () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 })
          : null,
        paint: paintWith(wantsColour(env, stdoutIsTerminal)),
        intervalMs: settings.intervalSeconds * 1000,
        count: settings.count,
      });
      return ExitCode.ok;
    },
  });
}
