/** Runs a program that the build needs. What it says is shown only if it fails. */

import { BuildError } from "./build-error.ts";

export interface ToolRun {
  readonly cwd?: string;
  /** Added to the environment of the build. */
  readonly env?: Readonly<Record<string, string>>;
  /** What to do when the program is not there. */
  readonly missing?: string;
}

/** What the program wrote to its standard output. Throws BuildError when it is missing or fails. */
export function runTool(command: readonly [string, ...string[]], run: ToolRun = {}): Uint8Array {
  const [program] = command;
  if (Bun.which(program) === null) {
    throw new BuildError(`${program} is not installed${run.missing === undefined ? "" : `: ${run.missing}`}`);
  }
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    env: { ...process.env, ...run.env },
    stdin: "ignore",
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
  });
  if (exitCode !== 0) {
    const said = `${stdout.toString()}${stderr.toString()}`.trim().split("\n").slice(-20).join("\n");
    throw new BuildError(`${command.join(" ")} ended with ${exitCode}:\n${said}`);
  }
  return stdout;
}
