/**
 * Builds the example modules with the one command that each README gives, so that the documented command is the tested
 * one. Languages whose toolchain is absent are skipped, with the reason.
 *
 *   bun examples/build.ts [language ...]             rebuilds the committed modules
 *   bun examples/build.ts --out <dir> [language ...] builds copies of the folders in <dir>
 *   bun examples/build.ts --check [language ...]     the same in dist/examples, then runs the policy table on them
 *
 * Exit codes: 0 all that could be built was built, 1 a build or the table failed, 2 wrong usage.
 */

import { cpSync, existsSync, rmSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { documentedCommand } from "./documented-command.ts";
import { type Example, EXAMPLES, findToolchain, moduleFile } from "./find-toolchain.ts";

interface Options {
  readonly languages: readonly Example[];
  /** Null: build in place. */
  readonly outDir: string | null;
  readonly runsTable: boolean;
}

const FOLDER = import.meta.dir;
const ROOT = resolve(FOLDER, "..");
const NOT_COPIED = new Set(["target", "node_modules", ".zig-cache", "policy.wasm", "policy.tar.gz"]);

function parseOptions(words: readonly string[]): Options {
  const languages: Example[] = [];
  let outDir: string | null = null;
  let runsTable = false;
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--check") {
      runsTable = true;
    } else if (word === "--out") {
      const dir = rest.shift();
      if (dir === undefined) refuse("--out needs a folder");
      outDir = resolve(dir);
    } else {
      languages.push(
        EXAMPLES.find((language) => language === word) ?? refuse(`no example is called ${word}`),
      );
    }
  }
  if (runsTable) outDir ??= join(ROOT, "dist", "examples");
  return { languages: languages.length > 0 ? languages : EXAMPLES, outDir, runsTable };
}

function refuse(reason: string): never {
  console.error(
    `${reason}; usage: bun examples/build.ts [--check] [--out <dir>] [${EXAMPLES.join("|")} ...]`,
  );
  process.exit(2);
}

function removeModule(example: Example, outDir: string): void {
  rmSync(join(outDir, example, moduleFile(example)), { force: true });
}

function copyFolder(language: Example, outDir: string): string {
  const folder = join(outDir, language);
  cpSync(join(FOLDER, language), folder, {
    recursive: true,
    filter: (source) => !NOT_COPIED.has(basename(source)),
  });
  return folder;
}

/** Whether nothing failed; a skipped language is no failure. */
function build(language: Example, outDir: string | null): boolean {
  const toolchain = findToolchain(language);
  if (!toolchain.isPresent) {
    console.log(`skipped  ${language}: ${toolchain.missing}`);
    return true;
  }
  const folder = outDir === null ? join(FOLDER, language) : copyFolder(language, outDir);
  const started = performance.now();
  const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-c", documentedCommand(language)], {
    cwd: folder,
    env: { ...process.env, ...toolchain.environment },
  });
  const module = join(folder, moduleFile(language));
  if (exitCode !== 0 || !existsSync(module)) {
    console.error(`failed   ${language} (exit ${exitCode})\n${stdout}${stderr}`);
    return false;
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const size = statSync(module).size.toLocaleString("en");
  console.log(`built    ${language}: ${relative(ROOT, module)}, ${size} bytes, ${seconds} s`);
  return true;
}

/** Whether the table holds on the fresh builds. */
function runTable(freshDir: string): boolean {
  const { exitCode } = Bun.spawnSync([process.execPath, "test", "./tests/examples"], {
    cwd: ROOT,
    env: { ...process.env, POLICY_FRESH_DIR: freshDir },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return exitCode === 0;
}

function main(): number {
  const { languages, outDir, runsTable } = parseOptions(process.argv.slice(2));
  // What an earlier run left behind would pass for a fresh build.
  if (outDir !== null) for (const example of EXAMPLES) removeModule(example, outDir);
  const results = languages.map((language) => build(language, outDir));
  if (results.includes(false)) return 1;
  if (!runsTable || outDir === null) return 0;
  if (!EXAMPLES.some((example) => existsSync(join(outDir, example, moduleFile(example))))) {
    console.log("no toolchain is present, so there is nothing fresh to ask");
    return 0;
  }
  return runTable(outDir) ? 0 : 1;
}

process.exitCode = main();
