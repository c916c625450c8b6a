/**
 * Reads the examples as templates for new modules. Runs while the program is transpiled or bundled, so that the built
 * executable carries the files in itself; it needs no folder beside it and no network.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Relative paths with slashes, and text. */
export type TemplateFiles = Record<string, string>;

const EXAMPLES = join(import.meta.dir, "../../examples");

/** What builds and package managers leave behind. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ".zig-cache",
  "build",
  "dist",
  "node_modules",
  "package-lock.json",
  "policy.tar.gz",
  "policy.wasm",
  "target",
  "zig-out",
]);

/** By the name of the folder. */
export function readTemplates(): Record<string, TemplateFiles> {
  const folders = readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return Object.fromEntries(folders.map(({ name }) => [name, readFolder(join(EXAMPLES, name), "")]));
}

function readFolder(folder: string, prefix: string): TemplateFiles {
  const entries = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !LEFT_OUT.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: TemplateFiles = {};
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) Object.assign(files, readFolder(path, `${prefix}${entry.name}/`));
    else files[prefix + entry.name] = readFileSync(path, "utf8");
  }
  return files;
}
