/** What every package carries beside the executable: the program itself writes its manual page and completions. */

import { join } from "node:path";
import { ROOT } from "./project.ts";
import { runTool } from "./run-tool.ts";

export interface Documents {
  readonly manPage: Uint8Array;
  readonly bashCompletion: Uint8Array;
  readonly zshCompletion: Uint8Array;
  readonly fishCompletion: Uint8Array;
}

export function writeDocuments(): Documents {
  const ask = (...words: string[]) => runTool([process.execPath, join(ROOT, "src/main.ts"), ...words]);
  return {
    manPage: ask("man"),
    bashCompletion: ask("completions", "bash"),
    zshCompletion: ask("completions", "zsh"),
    fishCompletion: ask("completions", "fish"),
  };
}
