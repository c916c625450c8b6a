import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Example } from "./find-toolchain.ts";

/** The build command of an example: the first shell block under "## Build" of its README. */
export function documentedCommand(example: Example): string {
  const readme = readFileSync(join(import.meta.dir, example, "README.md"), "utf8");
  const command = /^## Build$.*?^```sh\n(.*?)\n```$/ms.exec(readme)?.[1];
  if (command === undefined) {
    throw new Error(`examples/${example}/README.md has no shell block under "## Build"`);
  }
  return command;
}
