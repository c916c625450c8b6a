/**
 * Modules that the rewrite once got wrong, kept in `tests/regressions/limit/`: `<name>.wasm`, and beside it
 * `<name>.json` with its description when the find was a difference in what the module does.
 */

import { describe, expect, test } from "bun:test";
import { basename } from "node:path";
import { compareModule } from "./differential.ts";
import { hostileOutcome } from "./hostile-bytes.ts";
import { type FindDescription, findsFolder } from "./kept-finds.ts";

describe("the rewrite stays right on what it once got wrong:", () => {
  for (const file of [...new Bun.Glob("*.wasm").scanSync(findsFolder)].sort()) {
    test(basename(file, ".wasm"), async () => {
      const bytes = await Bun.file(`${findsFolder}${file}`).bytes();
      const { verdict, difference } = hostileOutcome(bytes);
      expect(difference).toBe("");
      expect(verdict).not.toBe("refused-alone");

      const description = Bun.file(`${findsFolder}${file.replace(/wasm$/, "json")}`);
      if (await description.exists()) {
        const described: FindDescription = await description.json();
        expect(compareModule({ ...described, bytes }).differences).toEqual([]);
      }
    });
  }
});
