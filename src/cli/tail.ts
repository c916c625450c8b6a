/** The command that shows the verdicts of a running agent as they happen. */

import { tailText } from "../tools/operate/tail-text.ts";
import { ADMIN_OPTIONS, adminClient, type AdminPlace } from "./admin-options.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { JSON_OPTION } from "./guest-options.ts";
import { paintWith } from "./paint.ts";
import { wantsColour } from "./surroundings.ts";
import { choiceKind, integerKind, textKind } from "./value-kind.ts";

interface TailSettings extends AdminPlace {
  readonly decision: "allow" | "block" | "redirect" | null;
  readonly tag: string | null;
  readonly path: string | null;
  readonly code: string | null;
  readonly linesPerSecond: number;
  readonly json: boolean;
}

const MAX_LINES_PER_SECOND = 1000;
const NONE = { describe: "all", choose: () => null } as const;
const GROUP = "Which verdicts";

export function tailCommand(): DescribedCommand {
  return defineAgentCommand<TailSettings>({
    name: "tail",
    summary: "Show the verdicts of a running agent as they happen.",
    purpose:
      "Shows the verdicts of a running agent as they happen, until it or the command is ended. Of more than --rate a " +
      "second a share is shown, with the number that was left out. Query strings are not shown.",
    usage: ["tail [options]"],
    examples: ["tail --decision block", "tail --code any", "tail --path /api --json"],
    exitCodes: [
      [ExitCode.ok, "ended as asked, or the agent has ended"],
      [ExitCode.failure, "failed while running"],
      [ExitCode.usage, "wrong usage, or no agent answers"],
    ],
    options: {
      ...ADMIN_OPTIONS,
      decision: {
        flag: "decision",
        kind: choiceKind(["allow", "block", "redirect"]),
        fallback: NONE,
        placeholder: "allow|block|redirect",
        description: "Only verdicts with this decision.",
        group: GROUP,
      },
      tag: {
        flag: "tag",
        kind: textKind("a tag"),
        fallback: NONE,
        placeholder: "<tag>",
        description: "Only verdicts with this tag.",
        group: GROUP,
      },
      path: {
        flag: "path",
        kind: textKind("the beginning of a path"),
        fallback: NONE,
        placeholder: "<prefix>",
        description: "Only requests whose path begins so.",
        group: GROUP,
      },
      code: {
        flag: "code",
        kind: textKind("a failure code, or any"),
        fallback: NONE,
        placeholder: "<code>",
        description: "Only failures with this code (docs/errors.md); any shows all failures.",
        group: GROUP,
      },
      linesPerSecond: {
        flag: "rate",
        kind: integerKind({ min: 1, max: MAX_LINES_PER_SECOND }),
        fallback: { value: 100 },
        placeholder: "<lines>",
        description: "Lines a second, at most.",
        group: "Output",
      },
      json: { ...JSON_OPTION, description: "Print each verdict as a JSON object." },
    },
    run: async (settings, { env, stdout, stdoutIsTerminal }) => {
      const paint = paintWith(wantsColour(env, stdoutIsTerminal));
      const stopped = new AbortController();
      const stop = () => stopped.abort();
      process.on("SIGINT", stop).on("SIGTERM", stop);
      try {
        for await (const line of adminClient(settings).tail(queryOf(settings), stopped.signal)) {
          stdout.write(`${settings.json ? line : tailText(line, paint)}\n`);
          // A reader that has seen enough.
          if (stdout.hasFailed) break;
        }
      } finally {
        process.off("SIGINT", stop).off("SIGTERM", stop);
      }
      return ExitCode.ok;
    },
  });
}

function queryOf({ decision, tag, path, code, linesPerSecond }: TailSettings): URLSearchParams {
  const query = new URLSearchParams({ rate: String(linesPerSecond) });
  for (const [name, value] of Object.entries({ decision, tag, path, code })) {
    if (value !== null) query.set(name, value);
  }
  return query;
}
