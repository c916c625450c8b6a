/** The archive of one target: the executable with its licence, README, manual page and completions. */

import { join } from "node:path";
import type { Compression } from "./compression.ts";
import type { Documents } from "./documents.ts";
import { layOut, type TreeFile } from "./file-tree.ts";
import { PROJECT, ROOT } from "./project.ts";
import { runTool } from "./run-tool.ts";
import type { Target } from "./target.ts";

export interface ArchiveInput {
  readonly target: Target;
  readonly executable: string;
  readonly documents: Documents;
  readonly timeS: number;
  readonly compression: Compression;
  /** A folder for the tree to pack. */
  readonly workDir: string;
}

export function archiveName(target: Target): string {
  return `${PROJECT.name}-${PROJECT.version}-${target.name}.tar.gz`;
}

/** The packed bytes: the same for the same input, on every machine. */
export function packArchive(input: ArchiveInput): Uint8Array {
  const { target, executable, documents, timeS, compression, workDir } = input;
  const top = `${PROJECT.name}-${PROJECT.version}-${target.name}`;
  const inTree = (path: string, mode: TreeFile["mode"], content: TreeFile["content"]): TreeFile => ({
    path: `${top}/${path}`,
    mode,
    content,
  });
  layOut(
    workDir,
    [
      inTree(PROJECT.name, 0o755, { copyOf: executable }),
      inTree(`${PROJECT.name}.1`, 0o644, documents.manPage),
      inTree(`completions/${PROJECT.name}.bash`, 0o644, documents.bashCompletion),
      inTree(`completions/_${PROJECT.name}`, 0o644, documents.zshCompletion),
      inTree(`completions/${PROJECT.name}.fish`, 0o644, documents.fishCompletion),
      inTree("LICENSE", 0o644, { copyOf: join(ROOT, "LICENSE") }),
      inTree("README.md", 0o644, { copyOf: join(ROOT, "README.md") }),
    ],
    timeS,
  );
  const tar = runTool(
    [
      "tar",
      "--create",
      "--format=ustar",
      "--sort=name",
      "--owner=root:0",
      "--group=root:0",
      "--numeric-owner",
      `--mtime=@${timeS}`,
      top,
    ],
    { cwd: workDir, missing: "packages are made with GNU tar" },
  );
  return Bun.gzipSync(new Uint8Array(tar), { library: "libdeflate", level: compression.gzipLevel });
}
