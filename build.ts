/**
 * Builds what is shipped:
 *
 *   bun run build                          dist/sentinel-wasm-agent, for this machine
 *   bun run build --target all             dist/release: an executable for every system, and SHA256SUMS
 *   bun run build --target linux-arm64     the same for one system, or for that of this machine (host); may be repeated
 *   bun run build --packages               dist/release with archives, Debian packages, Homebrew formula and SBOM;
 *                                          for all systems, or those that --target names
 *   --quick                                compresses packages in seconds instead of minutes: to try, not to publish
 *   --out <dir>                            another folder instead of dist/release
 *
 * Exit codes: 0 everything was built, 1 something was not, 2 wrong usage. What could not be built is not there, and
 * then there is no SHA256SUMS either.
 */

import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BuildError } from "./packaging/build/build-error.ts";
import { type Compression, QUICK, THOROUGH } from "./packaging/build/compression.ts";
import { buildExecutable } from "./packaging/build/executable.ts";
import { PROJECT, ROOT } from "./packaging/build/project.ts";
import { buildRelease } from "./packaging/build/release.ts";
import { hostTarget, TARGETS, type Target } from "./packaging/build/target.ts";

interface BuildOptions {
  /** Null: an executable for this machine alone. */
  readonly release: {
    readonly targets: readonly Target[];
    readonly withPackages: boolean;
    readonly compression: Compression;
  } | null;
  readonly outDir: string;
}

process.exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  const options = readOptions(argv);
  if (typeof options === "string") {
    console.error(
      `${options}\nusage: bun run build [--target all|host|${TARGETS.map(({ name }) => name).join("|")}]... [--packages] [--quick] [--out <dir>]`,
    );
    return 2;
  }
  try {
    await build(options);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    return 1;
  }
  console.log(`done in ${seconds(performance.now() - startedAtMs)}`);
  return 0;
}

async function build({ release, outDir }: BuildOptions): Promise<void> {
  if (release !== null) return buildRelease({ ...release, outDir, onFile: report, onLeftOut: console.error });
  const dist = join(ROOT, "dist");
  mkdirSync(dist, { recursive: true });
  const { path, bytes, ms } = await buildExecutable(join(dist, PROJECT.name), null);
  report(path, bytes, ms);
}

/** The options, or what is wrong with them. */
function readOptions(argv: readonly string[]): BuildOptions | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        target: { type: "string", multiple: true, default: [] },
        packages: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        out: { type: "string", default: join(ROOT, "dist/release") },
      },
    });
    const host = hostTarget()?.name ?? "host";
    const wanted = new Set(values.target.map((name) => (name === "host" ? host : name)));
    const unknown = [...wanted].find(
      (name) => name !== "all" && TARGETS.every((target) => target.name !== name),
    );
    if (unknown !== undefined) return `There is no target ${unknown}`;
    const isAll = wanted.has("all") || wanted.size === 0;
    const targets = isAll ? TARGETS : TARGETS.filter(({ name }) => wanted.has(name));
    const isRelease = wanted.size > 0 || values.packages;
    return {
      release: isRelease
        ? { targets, withPackages: values.packages, compression: values.quick ? QUICK : THOROUGH }
        : null,
      outDir: resolve(values.out),
    };
  } catch (error) {
    return (error as Error).message;
  }
}

function report(path: string, bytes: number, ms: number): void {
  const size = bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(`${basename(path).padEnd(52)} ${size.padStart(9)} ${seconds(ms).padStart(7)}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
