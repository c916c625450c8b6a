/** News of files, once they have come to rest. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { SourceWatch } from "../../../../src/tools/dev/source-watch.ts";
import { type TemporaryFolder, temporaryFolder } from "../../../support/temporary-folder.ts";

const WAIT_MS = 5000;
/** Several looks of the watch: long enough for news that must not come. */
const QUIET_MS = 700;

class Watched implements Disposable {
  readonly folder: TemporaryFolder = temporaryFolder();
  readonly news: string[] = [];
  readonly #watch: SourceWatch;

  constructor(prepare: (folder: TemporaryFolder) => void = () => {}) {
    prepare(this.folder);
    this.#watch = new SourceWatch({
      folder: this.folder.path,
      files: () => [this.folder.file("out.wasm")],
      onChange: (changed) => this.news.push(changed.toSorted().join(" ")),
    });
  }

  write(name: string, text: string): void {
    writeFileSync(this.folder.file(name), text);
  }

  async heard(count: number): Promise<readonly string[]> {
    const endAtMs = performance.now() + WAIT_MS;
    while (this.news.length < count && performance.now() < endAtMs) await Bun.sleep(20);
    return this.news;
  }

  [Symbol.dispose](): void {
    this.#watch.close();
    this.folder[Symbol.dispose]();
  }
}

describe("a change is told once it has settled", () => {
  test("of a file that was there, is new, or is gone", async () => {
    using watched = new Watched(({ file }) => writeFileSync(file("a.c"), "1"));
    watched.write("a.c", "22");
    expect(await watched.heard(1)).toEqual(["a.c"]);
    mkdirSync(watched.folder.file("sub"));
    watched.write("sub/b.c", "1");
    expect(await watched.heard(2)).toEqual(["a.c", "sub/b.c"]);
    rmSync(watched.folder.file("a.c"));
    expect(await watched.heard(3)).toEqual(["a.c", "sub/b.c", "a.c"]);
  });

  test("as one piece of news when several files change together", async () => {
    using watched = new Watched(({ file }) => writeFileSync(file("a.c"), "1"));
    watched.write("a.c", "22");
    watched.write("b.c", "1");
    expect(await watched.heard(1)).toEqual(["a.c b.c"]);
  });

  test("of the module, although modules are no sources", async () => {
    using watched = new Watched();
    watched.write("other.wasm", "1");
    watched.write("out.wasm", "1");
    expect(await watched.heard(1)).toEqual(["out.wasm"]);
  });
});

describe("no news is", () => {
  test("a file written again with the same content, as generators do", async () => {
    using watched = new Watched(({ file }) => writeFileSync(file("a.c"), "same"));
    await Bun.sleep(20);
    watched.write("a.c", "same");
    await Bun.sleep(QUIET_MS);
    expect(watched.news).toEqual([]);
  });

  test("what builds and editors leave behind", async () => {
    using watched = new Watched();
    for (const folder of ["target", "node_modules", ".cache"]) {
      mkdirSync(watched.folder.file(folder));
      watched.write(`${folder}/x.c`, "1");
    }
    for (const name of ["x.o", "policy.tar.gz", "Cargo.lock", "a.c~", ".a.c.swp", "package-lock.json"])
      watched.write(name, "1");
    await Bun.sleep(QUIET_MS);
    expect(watched.news).toEqual([]);
  });

  test("anything after it was closed", async () => {
    using watched = new Watched();
    watched[Symbol.dispose]();
    mkdirSync(watched.folder.path);
    watched.write("a.c", "1");
    await Bun.sleep(QUIET_MS);
    expect(watched.news).toEqual([]);
    rmSync(watched.folder.path, { recursive: true });
  });
});
