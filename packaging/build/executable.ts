/**
 * Makes one executable: the bundled sources and their bytecode inside Bun's runtime. Why these options and no others is
 * in RATIONALE.md, "Why the executable is built with bytecode".
 */

import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { BuildError } from "./build-error.ts";
import { PROJECT, ROOT } from "./project.ts";
import { fetchRuntime } from "./runtime.ts";
import { runTool } from "./run-tool.ts";
import { hostTarget, type Target } from "./target.ts";

export interface BuiltExecutable {
  readonly path: string;
  readonly bytes: number;
  readonly ms: number;
}

/**
 * Builds for `target`, or for this machine with the Bun that runs the build when it is null. Nothing is at `path` unless
 * the build succeeded. Throws BuildError.
 */
export async function buildExecutable(path: string, target: Target | null): Promise<BuiltExecutable> {
  const startedAtMs = performance.now();
  rmSync(path, { force: true });
  const staging = mkdtempSync(join(dirname(path), ".build-"));
  try {
    // The name is part of the content, so it must not depend on where the result goes.
    const built = join(staging, PROJECT.name);
    await compile(built, target);
    chmodSync(built, 0o755);
    if (target === null || target.name === hostTarget()?.name) checkVersion(built);
    renameSync(built, path);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return { path, bytes: statSync(path).size, ms: performance.now() - startedAtMs };
}

async function compile(outfile: string, target: Target | null): Promise<void> {
  const runtime = target === null ? {} : { target: target.bunTarget, executablePath: fetchRuntime(target) };
  try {
    await Bun.build({
      entrypoints: entryPoints(),
      // A thread is started by its file's name beside the main script, so everything lies side by side.
      naming: { entry: "[name].[ext]" },
      format: "esm",
      bytecode: true,
      // Names are kept: they cost a twentieth of a per cent, and a trace without them is worth nothing.
      minify: { whitespace: true, syntax: true, identifiers: false },
      // What lies in the folder where the agent is started is none of its business.
      compile: { outfile, autoloadDotenv: false, autoloadBunfig: false, ...runtime },
    });
  } catch (error) {
    throw new BuildError(`The sources cannot be bundled:\n${describe(error)}`);
  }
  if (!existsSync(outfile)) throw new BuildError(`Bun reported success but wrote no ${outfile}`);
}

/** The main script and every thread's. */
function entryPoints(): string[] {
  const threads = [...new Glob("src/**/*-worker.ts").scanSync(ROOT)].sort();
  return ["src/main.ts", ...threads].map((path) => join(ROOT, path));
}

function checkVersion(path: string): void {
  const said = runTool([path, "--version"]).toString().trim();
  const expected = `${PROJECT.name} ${PROJECT.version}`;
  if (said !== expected) {
    throw new BuildError(`The executable answers --version with "${said}" instead of "${expected}"`);
  }
}

function describe(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(String).join("\n") : String(error);
}
