/**
 * Gets the Bun runtimes that executables for other systems are made of. They come from the package registry, through
 * the project's own lock file, so that each is checked against the hash that was committed. A runtime is fetched once and
 * kept, so that later builds need no network.
 */

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "./build-error.ts";
import { PROJECT, ROOT } from "./project.ts";
import type { Target } from "./target.ts";

/** Path of the runtime. Throws BuildError when it cannot be had. */
export function fetchRuntime(target: Target): string {
  const kept = join(ROOT, "node_modules/.cache/bun-runtimes", PROJECT.bunVersion);
  const path = join(kept, target.name);
  if (existsSync(path)) return path;
  mkdirSync(kept, { recursive: true });
  const staging = mkdtempSync(join(kept, "fetch-"));
  try {
    renameSync(install(target, staging), path);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return path;
}

/** An install of the project as if this were the target: Bun's own package depends on the runtime for it. */
function install(target: Target, staging: string): string {
  for (const file of ["package.json", "bun.lock"]) copyFileSync(join(ROOT, file), join(staging, file));
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [
      process.execPath,
      "install",
      "--frozen-lockfile",
      "--ignore-scripts",
      `--os=${target.os}`,
      `--cpu=${target.cpu}`,
      ...(target.libc === null ? [] : [`--libc=${target.libc}`]),
    ],
    { cwd: staging, stdin: "ignore" },
  );
  const runtime = join(staging, "node_modules", target.runtimePackage, "bin/bun");
  if (exitCode === 0 && existsSync(runtime)) return runtime;
  const said = `${stdout.toString()}${stderr.toString()}`.trim();
  throw new BuildError(
    `The runtime for ${target.name} (package ${target.runtimePackage} ${PROJECT.bunVersion}) cannot be had from the ` +
      `package registry; build with a network once, or leave this target out. The installer said:\n${said}`,
  );
}
