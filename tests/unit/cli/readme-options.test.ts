import { expect, test } from "bun:test";
import { listOptions } from "../../../src/cli/option.ts";
import { SERVE_OPTIONS } from "../../../src/cli/options.ts";
import { renderOptionsTable } from "../../../src/cli/options-table.ts";

test("the README's table shows exactly the options there are", async () => {
  const readme = await Bun.file(new URL("../../../README.md", import.meta.url)).text();
  const [, shown = ""] = /<!-- options -->\n([\s\S]*?)\n<!-- \/options -->/.exec(readme) ?? [];
  expect(shown).toBe(renderOptionsTable(listOptions(SERVE_OPTIONS)));
});
