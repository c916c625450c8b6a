/**
 * Runs micro.ts in a process of its own: its figures stay clear of what this process has compiled and kept, and the
 * rest of the benchmark works with agents that are not made of these sources.
 */

import { join } from "node:path";

const PROGRAM = join(import.meta.dir, "../micro.ts");

export interface MicroFigure {
  readonly name: string;
  readonly nanoseconds: number;
}

export async function runMicro({ quick }: { readonly quick: boolean }): Promise<MicroFigure[]> {
  const command = [process.execPath, PROGRAM, "--json"];
  if (quick) command.push("--quick");
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const [output, complaint, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(complaint.trim());
  return JSON.parse(output) as MicroFigure[];
}
