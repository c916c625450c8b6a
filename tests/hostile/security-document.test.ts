/** docs/security.md names a test for every promise: each of them exists. */

import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const text = await Bun.file(join(ROOT, "docs/security.md")).text();

interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** A file in backticks, a colon, and names in quotes: `tests/x.test.ts`: "one", "another". */
function namedTests(document: string): NamedTest[] {
  const found: NamedTest[] = [];
  const mention = /`(tests\/[\w/.-]+\.test\.ts)`:((?:[\s,]+"[^"]+")+)/g;
  for (const [, file = "", names = ""] of document.replaceAll(/\s+/g, " ").matchAll(mention)) {
    for (const [, name = ""] of names.matchAll(/"([^"]+)"/g)) found.push({ file, name });
  }
  return found;
}

const tests = namedTests(text);

test("every file of tests that the document names goes with the name of a test", () => {
  const files = new Set([...text.matchAll(/`(tests\/[\w/.-]+\.test\.ts)`/g)].map(([, file]) => file!));
  const withNames = new Set(tests.map(({ file }) => file));
  expect([...files].filter((file) => !withNames.has(file))).toEqual([]);
  expect(tests.length).toBeGreaterThan(40);
});

test.each(tests)('$file has "$name"', async ({ file, name }) => {
  expect(await Bun.file(join(ROOT, file)).text()).toContain(name);
});
