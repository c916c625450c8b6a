/**
 * Every suite in a process of its own, one after the other: what thousands of WebAssembly modules leave in one process
 * makes the collector slower and slower (ten minutes of all suites in one, and 2 GiB).
 *
 *   bun tests/run-suites.ts [folder of tests/]...
 *
 * Ends with 1 if one of them fails.
 */

import { dirname, join } from "node:path";

const TESTS = import.meta.dir;
const ROOT = dirname(TESTS);
const TIMEOUT_MS = 240_000;

const paths = [...new Bun.Glob("**/*.test.ts").scanSync(TESTS)];
/** The files that stand in no folder are a suite as well. */
const suites = Map.groupBy(paths.toSorted(), (path) => (path.includes("/") ? path.split("/", 1)[0]! : "."));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.has(name));
if (unknown.length > 0) {
  console.error(
    `there are no tests in ${unknown.join(", ")}; there are suites in ${[...suites.keys()].join(", ")}`,
  );
  process.exit(2);
}

const failed: string[] = [];
for (const [name, files] of suites) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const startedAtMs = performance.now();
  const suite = Bun.spawnSync(
    [
      process.execPath,
      "test",
      "--timeout",
      String(TIMEOUT_MS),
      ...(name === "." ? files.map((file) => `./tests/${file}`) : [`./tests/${name}`]),
    ],
    { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] },
  );
  if (suite.exitCode !== 0) failed.push(name);
  const seconds = Math.round((performance.now() - startedAtMs) / 1000);
  console.log(`tests/${name}: ${suite.exitCode === 0 ? "passed" : "FAILED"} in ${seconds} s\n`);
}
if (failed.length > 0) {
  console.log(`failed: ${failed.map((name) => join("tests", name)).join(", ")}`);
  process.exit(1);
}
