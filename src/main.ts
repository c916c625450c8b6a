/**
 * Where the process starts, nothing else. What it can do stands in cli/commands.ts.
 */

import "./os/hold-signals.ts";
import { runCommandLine } from "./cli/command-line.ts";
import { COMMANDS } from "./cli/commands.ts";
import { processSurroundings } from "./cli/surroundings.ts";

void runCommandLine(COMMANDS, "serve", process.argv.slice(2), processSurroundings()).then(process.exit);
