/** Runs a checking program where it is installed. */

export interface ToolAnswer {
  readonly exitCode: number;
  /** Both streams. */
  readonly output: string;
}

/** For the name of a test: why it is skipped, or nothing. */
export function skippedWithout(program: string): string {
  return Bun.which(program) === null ? ` (skipped: ${program} is not installed)` : "";
}

export function runTool(...command: readonly [string, ...string[]]): ToolAnswer {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stdin: "ignore" });
  return { exitCode, output: `${stdout.toString()}${stderr.toString()}` };
}
