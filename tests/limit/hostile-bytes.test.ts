/** The rewrite faces damaged modules: a ModuleError or a module as valid as its input, nothing else. */

import { describe, expect, test } from "bun:test";
import { type ArchiveName, readArchive } from "./archive.ts";
import { type HostileVerdict, hostileOutcome } from "./hostile-bytes.ts";
import { mutated } from "./mutation.ts";

const rounds = 12_000;

describe("a damaged module is refused, or stays exactly as valid as it was:", () => {
  for (const name of ["random-modules.tar.zst", "spec-suite.tar.zst"] satisfies ArchiveName[]) {
    test(`${rounds} mutations of ${name}`, async () => {
      const modules = [...(await readArchive(name))].filter(
        ([path, bytes]) => path.endsWith(".wasm") && bytes.byteLength > 8 && bytes.byteLength < 20_000,
      );
      const verdicts: Record<HostileVerdict, number> = { refused: 0, valid: 0, invalid: 0 };
      const differences: string[] = [];
      for (let seed = 0; seed < rounds; seed += 1) {
        const [path, bytes] = modules[seed % modules.length]!;
        const { verdict, difference } = hostileOutcome(mutated(bytes, seed));
        verdicts[verdict] += 1;
        if (difference !== "") {
          differences.push(`${path}, seed ${seed}: ${difference}`);
        }
      }
      expect(differences).toEqual([]);
      expect(verdicts.valid).toBeGreaterThan(rounds / 50);
      expect(verdicts.refused).toBeGreaterThan(rounds / 50);
    });
  }

  test("every beginning of a module", async () => {
    const files = await readArchive("random-modules.tar.zst");
    const module = [...files].find(([path, bytes]) => path.endsWith(".wasm") && bytes.byteLength > 1500)![1];
    for (let length = 0; length < module.byteLength; length += 1) {
      expect(hostileOutcome(module.slice(0, length)).difference).toBe("");
    }
  });
});
