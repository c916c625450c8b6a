/** The Homebrew formula, whose addresses and sums are those of the archives just built. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { archiveName } from "./archive.ts";
import { sha256Of } from "./checksums.ts";
import { fillTemplate } from "./fill-template.ts";
import { DOWNLOADS, PROJECT, ROOT } from "./project.ts";
import { TARGETS } from "./target.ts";

/** What Homebrew runs on. */
export const FORMULA_TARGETS = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"] as const;

/** The text of the formula; the archives of all FORMULA_TARGETS are in `dir`. */
export async function writeFormula(dir: string): Promise<string> {
  const template = readFileSync(join(ROOT, "packaging/homebrew/sentinel-wasm-agent.rb.template"), "utf8");
  const values: Record<string, string> = { VERSION: PROJECT.version, HOMEPAGE: PROJECT.homepage };
  for (const target of TARGETS) {
    const place = FORMULA_TARGETS.find((name) => name === target.name);
    if (place === undefined) continue;
    const key = place.toUpperCase().replace("-", "_");
    values[`URL_${key}`] = `${DOWNLOADS}/${archiveName(target)}`;
    values[`SHA256_${key}`] = await sha256Of(join(dir, archiveName(target)));
  }
  return fillTemplate(template, values);
}
