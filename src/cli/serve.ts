/**
 * The command that serves a proxy, which is also what runs when no command is named. It turns settings and a log into a
 * running agent; all that the agent does is behind `runAgent`.
 */

import type { Settings } from "../agent/settings.ts";
import { Recorder } from "../telemetry/recording/recorder.ts";
import { ConsoleLog } from "../telemetry/console-log.ts";
import type { Log } from "../telemetry/log.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { SERVE_OPTIONS } from "./options.ts";
import { PROGRAM } from "./program.ts";
import { wantsColour } from "./surroundings.ts";

/** Resolves with the exit code when the agent has stopped. */
export type RunAgent = (settings: Settings, log: Log, openRecorder: () => Recorder | null) => Promise<number>;

export function serveCommand(runAgent: RunAgent): DescribedCommand {
  return defineAgentCommand<Settings>({
    name: "serve",
    summary: "Serve a proxy (also when no command is named).",
    purpose: PROGRAM.description,
    usage: ["--module <file> [options]"],
    examples: [
      "--module policy.wasm",
      "--module policy.wasm --socket /run/wasm.sock --fail-open",
      "--module policy.wasm --pool-size 8 --max-memory 16MiB",
    ],
    options: SERVE_OPTIONS,
    run: async (settings, { env, stderr, stderrIsTerminal }) => {
      const log = new ConsoleLog({
        format: settings.logFormat,
        verbose: settings.verbose,
        colour: wantsColour(env, stderrIsTerminal),
        sink: stderr,
      });
      const opened: Recorder[] = [];
      try {
        return await runAgent(settings, log, () => {
          const recorder = openRecorder(settings, log);
          if (recorder !== null) opened.push(recorder);
          return recorder;
        });
      } finally {
        for (const recorder of opened) recorder.close();
      }
    },
  });
}

/** Null when nothing is to be recorded. */
function openRecorder(settings: Settings, log: Log): Recorder | null {
  if (settings.recordPath === null) return null;
  return Recorder.open({
    path: settings.recordPath,
    maxBytes: settings.recordMaxBytes,
    redactedNames: settings.recordRedact,
    log,
  });
}
