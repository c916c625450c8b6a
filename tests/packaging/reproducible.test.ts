/**
 * Two builds of one commit are alike, byte for byte: whatever the clock says, and whatever the umask and the order of
 * files on disk are. The packers are given a small executable: they copy it as they copy a large one.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packArchive } from "../../packaging/build/archive.ts";
import { writeBillOfMaterials } from "../../packaging/build/bill-of-materials.ts";
import { sha256Of } from "../../packaging/build/checksums.ts";
import { THOROUGH } from "../../packaging/build/compression.ts";
import { packDebianPackage } from "../../packaging/build/debian-package.ts";
import type { Documents } from "../../packaging/build/documents.ts";
import { buildExecutable } from "../../packaging/build/executable.ts";
import { TARGETS } from "../../packaging/build/target.ts";
import { skippedWithout } from "./installed-tool.ts";

setDefaultTimeout(60_000);

const TIME_S = 1_780_000_000;
const target = TARGETS[0]!;
const text = (words: string) => new TextEncoder().encode(words);
const documents: Documents = {
  manPage: text(".TH A 1\n"),
  bashCompletion: text("bash\n"),
  zshCompletion: text("zsh\n"),
  fishCompletion: text("fish\n"),
};

describe("two builds", () => {
  const dir = mkdtempSync(join(tmpdir(), "sentinel-twice-"));
  const executable = join(dir, "small");

  afterAll(() => rmSync(dir, { recursive: true }));

  /** The results of doing the same twice in different folders, under different umasks. */
  async function twice<T>(make: (folder: string) => T | Promise<T>): Promise<[T, T]> {
    await Bun.write(executable, "small");
    const once = async (name: string, umask: number) => {
      const folder = join(dir, name);
      mkdirSync(folder);
      const before = process.umask(umask);
      try {
        return await make(folder);
      } finally {
        process.umask(before);
        rmSync(folder, { recursive: true });
      }
    };
    return [await once("first", 0o022), await once("second", 0o077)];
  }

  test("make the same executable", async () => {
    const [first, second] = await twice(async (folder) => {
      const { path } = await buildExecutable(join(folder, folder.endsWith("first") ? "a" : "another"), null);
      return sha256Of(path);
    });
    expect(second).toBe(first);
  });

  test("make the same archive", async () => {
    const [first, second] = await twice((folder) =>
      packArchive({
        target,
        executable,
        documents,
        timeS: TIME_S,
        compression: THOROUGH,
        workDir: join(folder, "tree"),
      }),
    );
    expect(Buffer.compare(first, second)).toBe(0);
  });

  test.skipIf(Bun.which("dpkg-deb") === null)(
    `make the same Debian package${skippedWithout("dpkg-deb")}`,
    async () => {
      const [first, second] = await twice((folder) =>
        readFileSync(
          packDebianPackage({
            target,
            executable,
            documents,
            timeS: TIME_S,
            compression: THOROUGH,
            workDir: join(folder, "tree"),
            outDir: folder,
          }),
        ),
      );
      expect(Buffer.compare(first, second)).toBe(0);
    },
  );

  test.skipIf(Bun.which("npm") === null)(
    `write the same bill of materials${skippedWithout("npm")}`,
    async () => {
      const [first, second] = await twice(() => writeBillOfMaterials(TIME_S));
      expect(second).toBe(first);
      expect(first).toContain('"timestamp": "2026-05-28T20:26:40.000Z"');
    },
  );
});
