/**
 * Every command, in the order in which help lists them. A command more is a line more; help, the manual page and
 * completions follow from this list.
 */

import { runAgent } from "../agent/run-agent.ts";
import type { CommandDescription, DescribedCommand } from "./agent-command.ts";
import { callCommand } from "./call.ts";
import { checkCommand } from "./check.ts";
import { completionsCommand } from "./completions.ts";
import { devCommand } from "./dev.ts";
import { manCommand } from "./man.ts";
import { newCommand } from "./new.ts";
import { profileCommand } from "./profile.ts";
import { reloadCommand } from "./reload.ts";
import { replayCommand } from "./replay.ts";
import { schemaCommand } from "./schema.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";
import { tailCommand } from "./tail.ts";
import { topCommand } from "./top.ts";

/** By name. A command that is about commands takes the list as a function, since it is in the list itself. */
export const COMMANDS: Readonly<Record<string, DescribedCommand>> = {
  serve: serveCommand(runAgent),
  dev: devCommand(),
  check: checkCommand(),
  call: callCommand(),
  new: newCommand(),
  replay: replayCommand(),
  status: statusCommand(),
  top: topCommand(),
  tail: tailCommand(),
  reload: reloadCommand(),
  profile: profileCommand(),
  schema: schemaCommand(),
  completions: completionsCommand(describeCommands),
  man: manCommand(describeCommands),
};

function describeCommands(): readonly CommandDescription[] {
  return Object.values(COMMANDS).map(({ description }) => description);
}
