/**
 * What ends a command before it has done its work, as one sentence for stderr and an exit code. Every command's errors
 * end here, whatever the log format: nothing else prints one. Names of files, functions and exports are other people's
 * text, so the sentence is escaped and bounded.
 */

import { InputError } from "../event/input-error.ts";
import { capText, escapeInvisible } from "../telemetry/hostile-text.ts";
import { ProjectError } from "../tools/dev/dev-project.ts";
import { PlaygroundError } from "../tools/dev/playground-server.ts";
import { OperateError } from "../tools/operate/operate-error.ts";
import { SocketError } from "../transport/socket-error.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { OptionsError } from "./options-error.ts";
import { PROGRAM } from "./program.ts";

export interface FatalError {
  /** Whole lines. */
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** A module, socket, project, agent or other file that cannot be used. Anything else is a bug of the agent. */
const UNUSABLE = [ModuleError, SocketError, InputError, ProjectError, PlaygroundError, OperateError] as const;

const MAX_MESSAGE_LENGTH = 2048;

/** @param help the arguments that show the page to read after a wrong command line */
export function describeFatalError(error: unknown, help: string): FatalError {
  if (error instanceof OptionsError) {
    const text = `${sentence(error.message)}Run ${PROGRAM.name} ${help} for all options.\n`;
    return { text, exitCode: ExitCode.usage };
  }
  if (UNUSABLE.some((kind) => error instanceof kind)) {
    const { message, code } = error as InstanceType<(typeof UNUSABLE)[number]>;
    return { text: sentence(message, ` (${code})`), exitCode: ExitCode.usage };
  }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { text: sentence(`BUG: ${reason}`), exitCode: ExitCode.failure };
}

function sentence(message: string, ending = ""): string {
  return `${PROGRAM.name}: ${escapeInvisible(capText(message, MAX_MESSAGE_LENGTH))}${ending}\n`;
}
