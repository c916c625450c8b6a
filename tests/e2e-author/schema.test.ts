import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { authorPrograms } from "./author-program.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

const FOLDER = join(import.meta.dir, "../../docs/schema");

for (const program of authorPrograms()) {
  describe(`schema, by ${program.name}`, () => {
    for (const subject of ["event", "result", "status"]) {
      test(`prints the published schema of the ${subject}`, () => {
        const { exitCode, stdout } = program.run(["schema", subject]);
        expect(exitCode).toBe(0);
        expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(FOLDER, `${subject}.json`), "utf8")));
      });
    }

    test("knows no other", () => {
      const { exitCode, stderr } = program.run(["schema", "verdict"]);
      expect(exitCode).toBe(2);
      expect(stderr).toStartWith(
        'sentinel-wasm-agent: <subject> must be event, result or status, but "verdict" was given.\n',
      );
    });
  });
}
