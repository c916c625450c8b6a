/** The files of the release that `bun run build --packages` made last, for tests that look into them. */

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const RELEASE = resolve(process.env["RELEASE_DIR"] ?? join(import.meta.dir, "../../dist/release"));

/** Path of the one file whose name matches, or null when the release has none. */
export function releaseFile(name: RegExp): string | null {
  const found = existsSync(RELEASE) ? readdirSync(RELEASE).find((file) => name.test(file)) : undefined;
  return found === undefined ? null : join(RELEASE, found);
}

/** Names of all files; empty when there is no release. */
export function releaseFiles(): readonly string[] {
  return existsSync(RELEASE) ? readdirSync(RELEASE).sort() : [];
}
