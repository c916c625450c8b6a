/**
 * Builds the load generator, and finds the one to use.
 *
 * The binary in this folder is linked statically, so that the benchmark runs where no C compiler is; run this file to
 * make it anew after a change of the sources. A benchmark run itself never touches it: with a compiler at hand it
 * builds what the sources say into dist/bench/.
 */

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = import.meta.dir;
const BUILT_HERE = join(SOURCES, "../../../dist/bench/loadgen");
export const COMMITTED_LOADGEN = join(SOURCES, "loadgen-linux-x64");

/** Sixteen hex digits over all C sources. `loadgen --version` says which ones it was built from. */
export function loadgenSourceHash(): string {
  const hash = new Bun.CryptoHasher("sha256");
  const files = readdirSync(SOURCES).filter((name) => name.endsWith(".c") || name.endsWith(".h"));
  for (const name of files.sort()) hash.update(name).update(readFileSync(join(SOURCES, name)));
  return hash.digest("hex").slice(0, 16);
}

export function loadgenVersion(binary: string): string | null {
  try {
    const { exitCode, stdout } = Bun.spawnSync([binary, "--version"], { stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim().replace("loadgen ", "") : null;
  } catch {
    return null;
  }
}

function compile(compiler: string, flags: readonly string[], output: string): void {
  const { exitCode, stderr } = Bun.spawnSync([
    compiler,
    ...["-std=gnu17", "-O2", "-s", "-Wall", "-Wextra", "-Wpedantic"],
    ...flags,
    `-DSOURCE_HASH="${loadgenSourceHash()}"`,
    ...["-o", output, join(SOURCES, "loadgen.c"), "-lm"],
  ]);
  if (exitCode !== 0) throw new Error(`${compiler} could not build the load generator:\n${stderr}`);
}

/** The generator's path: built from the current sources if a C compiler is there, else the committed binary. */
export function findLoadgen(): string {
  if (process.platform !== "linux") {
    throw new Error("The load generator uses epoll and runs on Linux only.");
  }
  if (Bun.which("cc") !== null) {
    mkdirSync(join(BUILT_HERE, ".."), { recursive: true });
    if (loadgenVersion(BUILT_HERE) !== loadgenSourceHash()) compile("cc", [], BUILT_HERE);
    return BUILT_HERE;
  }
  const committed = loadgenVersion(COMMITTED_LOADGEN);
  if (committed === null) {
    throw new Error(`${COMMITTED_LOADGEN} does not run on this machine, and no C compiler (cc) was found.`);
  }
  return COMMITTED_LOADGEN;
}

if (import.meta.main) {
  const compiler = Bun.which("musl-gcc") === null ? "cc" : "musl-gcc";
  compile(compiler, ["-static"], COMMITTED_LOADGEN);
  console.log(
    `${COMMITTED_LOADGEN}: ${Bun.file(COMMITTED_LOADGEN).size} bytes, built by ${compiler} -static`,
  );
}
