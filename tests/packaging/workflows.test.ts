/** The workflows of the hosted repository, as far as they can be checked here. */

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import manifest from "../../package.json" with { type: "json" };

const WORKFLOWS = join(import.meta.dir, "../../.github/workflows");

describe.each(readdirSync(WORKFLOWS))("the workflow %s", (name) => {
  const read = () => Bun.file(join(WORKFLOWS, name)).text();

  test("is YAML with rights that are given one by one", async () => {
    const workflow = YAML.parse(await read()) as { permissions: unknown; jobs: Record<string, unknown> };
    expect([{}, { contents: "read" }]).toContainEqual(workflow.permissions as object);
    expect(Object.keys(workflow.jobs).length).toBeGreaterThan(0);
  });

  test("pins every action to a commit", async () => {
    const actions = [...(await read()).matchAll(/uses: (\S+)/g)].map(([, action = ""]) => action);
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
  });

  test("runs the pinned Bun", async () => {
    const versions = [...(await read()).matchAll(/bun@(\S+)/g)].map(([, version]) => version);
    expect(versions.filter((version) => version !== manifest.devDependencies.bun)).toEqual([]);
  });
});
