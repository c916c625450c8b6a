/**
 * Every command, in the order in which help lists them. A command more is a line more; help, the manual page and
 * completions follow from this list.
 */

import { runAgent } from "../agent/run-agent.ts";
import type { DescribedCommand } from "./agent-command.ts";
import { serveCommand } from "./serve.ts";

/** By name. A command that is about commands takes the list as a function, since it is in the list itself. */
export const COMMANDS: Readonly<Record<string, DescribedCommand>> = {
  serve: serveCommand(runAgent),
};
