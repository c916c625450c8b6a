/**
 * Runs one driver in this process and prints a DriveReport:
 *
 *     bun drive.ts <driver> plain|limited
 *
 * A driver is a script that uses its package as anybody would and exports `result`, a string that the package's
 * modules worked out. In limited mode every module that the script compiles is rewritten on its way to the engine.
 */

import { type InterceptedModule, interceptWebAssembly } from "./intercept.ts";

export interface DriveReport {
  readonly result: string;
  readonly wallMs: number;
  readonly modules: readonly InterceptedModule[];
}

const [driver, mode] = process.argv.slice(2);
const modules = mode === "limited" ? interceptWebAssembly() : [];
const started = performance.now();
const { result }: { result: unknown } = await import(driver!);
const report: DriveReport = { result: String(result), wallMs: performance.now() - started, modules };
await Bun.write(Bun.stdout, `\n${JSON.stringify(report)}\n`);
process.exit(0);
