/** The command that shows the state of a running agent. */

import { statusText } from "../tools/operate/status-text.ts";
import { ADMIN_OPTIONS, adminClient, type AdminPlace } from "./admin-options.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { JSON_OPTION } from "./guest-options.ts";
import { switchKind } from "./value-kind.ts";

interface StatusSettings extends AdminPlace {
  readonly json: boolean;
  readonly isReadinessAsked: boolean;
}

export function statusCommand(): DescribedCommand {
  return defineAgentCommand<StatusSettings>({
    name: "status",
    summary: "Show the state of a running agent.",
    usage: ["status [options]"],
    examples: ["status", "status --ready", "status --json --socket /run/sentinel/wasm.sock"],
    exitCodes: [
      [ExitCode.ok, "the agent answered; with --ready: it is ready"],
      [ExitCode.failure, "with --ready: it is not ready"],
      [ExitCode.usage, "wrong usage, or no agent answers"],
    ],
    options: {
      ...ADMIN_OPTIONS,
      isReadinessAsked: {
        flag: "ready",
        kind: switchKind(),
        fallback: { value: false },
        description: "Print only whether it is ready, and what is missing if it is not.",
        group: "Output",
      },
      json: { ...JSON_OPTION, description: "Print one JSON object (docs/schema/status.json)." },
    },
    run: async (settings, { stdout }) => {
      const status = await adminClient(settings).status();
      const lines = statusText(status);
      const checks = status.checks.filter(({ ok }) => !ok).length;
      const shown = settings.isReadinessAsked ? lines.slice(0, 1 + checks) : lines;
      stdout.write(settings.json ? `${JSON.stringify(status)}\n` : `${shown.join("\n")}\n`);
      return settings.isReadinessAsked && !status.ready ? ExitCode.failure : ExitCode.ok;
    },
  });
}
