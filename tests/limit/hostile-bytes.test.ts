/** The rewrite faces damaged modules: a ModuleError or a module as valid as its input, nothing else. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ArchiveName, readArchive } from "./archive.ts";
import { type HostileVerdict, hostileOutcome } from "./hostile-bytes.ts";
import { mutated } from "./mutation.ts";

/** A test here runs many modules, on a machine that may be busy. */
setDefaultTimeout(120_000);

const rounds = 12_000;

/** Faults that the engine overlooks in code that is never reached. The long run asks a stricter validator. */
const overlooked =
  /^module-invalid: .*: (else without if|catch without try|label \d+ does not exist|type \d+ is absent)/;

describe("a damaged module is refused, or stays exactly as valid as it was:", () => {
  for (const name of ["random-modules.tar.zst", "spec-suite.tar.zst"] satisfies ArchiveName[]) {
    test(`${rounds} mutations of ${name}`, async () => {
      const modules = [...(await readArchive(name))].filter(
        ([path, bytes]) => path.endsWith(".wasm") && bytes.byteLength > 8 && bytes.byteLength < 20_000,
      );
      const verdicts = new Map<HostileVerdict, number>();
      const differences: string[] = [];
      for (let seed = 0; seed < rounds; seed += 1) {
        const [path, bytes] = modules[seed % modules.length]!;
        const { verdict, refusal, difference } = hostileOutcome(mutated(bytes, seed));
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        if (difference !== "" || (verdict === "refused-alone" && !overlooked.test(refusal))) {
          differences.push(`${path}, seed ${seed}: ${difference}${refusal}`);
        }
      }
      expect(differences).toEqual([]);
      expect(verdicts.get("valid")).toBeGreaterThan(rounds / 50);
      expect(verdicts.get("refused")).toBeGreaterThan(rounds / 50);
      expect(verdicts.get("refused-alone") ?? 0).toBeLessThan(rounds / 500);
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
