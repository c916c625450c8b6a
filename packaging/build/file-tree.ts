/**
 * A folder tree as a package will contain it, laid out on disk for the tool that packs it. Modes and times are those
 * given, whatever the umask and the clock of the machine are.
 */

import { chmodSync, copyFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Either its bytes or, for what is too large to be held, the path to copy. */
export type FileContent = string | Uint8Array | { readonly copyOf: string };

export interface TreeFile {
  /** Below the root of the tree, with slashes. */
  readonly path: string;
  readonly mode: 0o644 | 0o755;
  readonly content: FileContent;
}

export function layOut(root: string, files: readonly TreeFile[], timeS: number): void {
  mkdirSync(root, { recursive: true });
  for (const { path, mode, content } of files) {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === "object" && "copyOf" in content) copyFileSync(content.copyOf, full);
    else writeFileSync(full, content);
    chmodSync(full, mode);
  }
  settle(root, timeS);
}

/** From the leaves up, since touching an entry touches its folder. */
function settle(dir: string, timeS: number): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) settle(path, timeS);
    else utimesSync(path, timeS, timeS);
  }
  chmodSync(dir, 0o755);
  utimesSync(dir, timeS, timeS);
}
