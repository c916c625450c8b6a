/**
 * Makes the archives of modules anew: `bun tests/limit/rebuild-archives.ts`. Needs a Rust toolchain and the crate
 * registry. The versions that decide the content are pinned in `tools/Cargo.toml`.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchiveFiles, writeArchive } from "./archive.ts";
import { buildTools, randomModules, writeSpecSuite } from "./module-tools.ts";

const modulesPerRecipe = 23;
const modulesToChooseFrom = 3000;

await buildTools();
report("spec-suite.tar.zst", await writeArchive("spec-suite.tar.zst", await specSuiteFiles()));
report("random-modules.tar.zst", await writeArchive("random-modules.tar.zst", await randomModuleFiles()));

async function specSuiteFiles(): Promise<ArchiveFiles> {
  const folder = await mkdtemp(join(tmpdir(), "spec-suite-"));
  try {
    await writeSpecSuite(folder);
    const files: ArchiveFiles = new Map();
    for (const path of new Bun.Glob("*/*").scanSync(folder)) {
      files.set(path, await Bun.file(join(folder, path)).bytes());
    }
    return files;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The same number of every recipe; the engine refuses some valid modules, which only long runs look at. */
async function randomModuleFiles(): Promise<ArchiveFiles> {
  const files: ArchiveFiles = new Map();
  const taken = new Map<string, number>();
  for (const { bytes, ...description } of await randomModules(0, modulesToChooseFrom)) {
    const count = taken.get(description.recipe) ?? 0;
    if (count < modulesPerRecipe && WebAssembly.validate(bytes)) {
      taken.set(description.recipe, count + 1);
      const stem = String(description.number).padStart(4, "0");
      files.set(`${stem}.json`, new TextEncoder().encode(JSON.stringify(description)));
      files.set(`${stem}.wasm`, bytes);
    }
  }
  return files;
}

function report(name: string, length: number): void {
  console.log(`${name}: ${(length / 1024).toFixed(0)} KiB`);
}
