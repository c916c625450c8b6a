/** The settings file of the packages names only variables that exist, with values that are understood. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { listOptions } from "../../src/cli/option.ts";
import { SERVE_OPTIONS } from "../../src/cli/options.ts";
import { readOptions } from "../../src/cli/read-options.ts";

test("every line of the settings file is an option that can be read", async () => {
  const text = await Bun.file(join(import.meta.dir, "../../packaging/etc/wasm-agent.env")).text();
  const settings = [...text.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(
    ([, name = "", value = ""]) => [name, value] as const,
  );
  expect(settings.length).toBeGreaterThan(3);
  const known = listOptions(SERVE_OPTIONS).map(({ env }) => env ?? "");
  expect(settings.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
  const sources = { argv: [], env: Object.fromEntries(settings), terminal: { stderrIsTerminal: false } };
  expect(readOptions(SERVE_OPTIONS, sources)).toMatchObject({
    modulePath: "/etc/sentinel/policy.wasm",
    poolSize: 4,
  });
});
