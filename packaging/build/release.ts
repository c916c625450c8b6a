/** Everything that is published with a release, in one folder with its checksums. */

import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { archiveName, packArchive } from "./archive.ts";
import { writeBillOfMaterials } from "./bill-of-materials.ts";
import { BuildError } from "./build-error.ts";
import { CHECKSUMS_FILE, writeChecksums } from "./checksums.ts";
import type { Compression } from "./compression.ts";
import { packDebianPackage } from "./debian-package.ts";
import { writeDocuments } from "./documents.ts";
import { buildExecutable } from "./executable.ts";
import { FORMULA_TARGETS, writeFormula } from "./homebrew-formula.ts";
import { PROJECT } from "./project.ts";
import { releaseTimeS } from "./release-time.ts";
import { fetchRuntime } from "./runtime.ts";
import type { Target } from "./target.ts";

export interface ReleaseOptions {
  /** Emptied first, so that nothing old is ever taken for new. */
  readonly outDir: string;
  readonly targets: readonly Target[];
  readonly withPackages: boolean;
  readonly compression: Compression;
  /** Told each file when it is done. */
  readonly onFile: (name: string, bytes: number, ms: number) => void;
  /** Told in a sentence what is left out, and why. */
  readonly onLeftOut: (sentence: string) => void;
}

/**
 * A target whose runtime cannot be had is left out, and the others are built all the same. Throws BuildError then, too,
 * at the end; the folder has no checksums unless everything that was asked for is there.
 */
export async function buildRelease(options: ReleaseOptions): Promise<void> {
  const { outDir, withPackages, onFile, onLeftOut } = options;
  if (Bun.version !== PROJECT.bunVersion) {
    throw new BuildError(
      `A release is built with Bun ${PROJECT.bunVersion}, whose runtime it carries, but this is Bun ${Bun.version}: ` +
        `run npx --yes bun@${PROJECT.bunVersion} run build`,
    );
  }
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  const targets = options.targets.filter((target) => canBeHad(target, onLeftOut));
  for (const target of targets) {
    const { path, bytes, ms } = await buildExecutable(executablePath(outDir, target), target);
    onFile(path, bytes, ms);
  }
  if (withPackages) await pack({ ...options, targets });
  const missing = options.targets.filter((target) => !targets.includes(target)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new BuildError(
      `Not built: ${missing.join(", ")}. Without ${missing.length === 1 ? "it" : "them"} the release is not whole, so it has no ${CHECKSUMS_FILE}.`,
    );
  }
  await writeChecksums(outDir);
}

function canBeHad(target: Target, onLeftOut: (sentence: string) => void): boolean {
  try {
    fetchRuntime(target);
    return true;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    onLeftOut(error.message);
    return false;
  }
}

async function pack({ outDir, targets, compression, onFile, onLeftOut }: ReleaseOptions): Promise<void> {
  const timeS = releaseTimeS();
  const documents = writeDocuments();
  const report = async (make: () => string | Promise<string>) => {
    const startedAtMs = performance.now();
    const path = await make();
    onFile(path, statSync(path).size, performance.now() - startedAtMs);
  };
  for (const target of targets) {
    const executable = executablePath(outDir, target);
    await report(() =>
      inWorkDir(outDir, async (workDir) => {
        const path = join(outDir, archiveName(target));
        await Bun.write(path, packArchive({ target, executable, documents, timeS, compression, workDir }));
        return path;
      }),
    );
    if (target.debianArchitecture === null) continue;
    await report(() =>
      inWorkDir(outDir, async (workDir) =>
        packDebianPackage({ target, executable, documents, timeS, compression, workDir, outDir }),
      ),
    );
  }
  const lacking = FORMULA_TARGETS.filter((wanted) => targets.every(({ name }) => name !== wanted));
  if (lacking.length > 0) {
    onLeftOut(
      `${PROJECT.name}.rb is left out: the formula also names the archives of ${lacking.join(", ")}.`,
    );
  } else {
    await report(async () => write(join(outDir, `${PROJECT.name}.rb`), await writeFormula(outDir)));
  }
  await report(() =>
    write(join(outDir, `${PROJECT.name}-${PROJECT.version}.cdx.json`), writeBillOfMaterials(timeS)),
  );
}

function executablePath(outDir: string, target: Target): string {
  return join(outDir, `${PROJECT.name}-${target.name}`);
}

async function write(path: string, text: string): Promise<string> {
  await Bun.write(path, text);
  return path;
}

async function inWorkDir<T>(parent: string, work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(parent, ".pack-"));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
