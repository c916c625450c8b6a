/**
 * The author's commands as people run them: the sources, and also the executable that AGENT_BIN names.
 */

import { join } from "node:path";

export interface AuthorProgram {
  readonly name: string;
  /** Runs one command to its end. `options.input` goes to its standard input. */
  run(argv: readonly string[], options?: RunOptions): ProgramRun;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where its standard output goes instead of to the test. */
  readonly stdoutPath?: string;
}

export interface ProgramRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = join(import.meta.dir, "../../src/main.ts");

export function authorPrograms(): readonly [AuthorProgram, ...AuthorProgram[]] {
  const built = process.env["AGENT_BIN"] ?? "";
  return [
    program("the sources", [process.execPath, MAIN]),
    ...(built === "" ? [] : [program("the executable", [built])]),
  ];
}

function program(name: string, command: readonly string[]): AuthorProgram {
  return {
    name,
    run: (argv, { input = "", cwd = import.meta.dir, env = {}, stdoutPath } = {}) => {
      const { exitCode, stdout, stderr } = Bun.spawnSync([...command, ...argv], {
        cwd,
        env: { PATH: process.env["PATH"] ?? "", ...env },
        stdin: Buffer.from(input),
        stdout: stdoutPath === undefined ? "pipe" : Bun.file(stdoutPath),
        stderr: "pipe",
      });
      return { exitCode, stdout: stdout?.toString() ?? "", stderr: stderr.toString() };
    },
  };
}
