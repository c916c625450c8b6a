/**
 * Random valid modules do the same with limits as without. CI runs a fixed collection; `long-run.ts` makes new ones.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readArchive } from "./archive.ts";
import { type ComparedModule, compareModule, type ModuleComparison } from "./differential.ts";

/** A test here runs many modules, on a machine that may be busy. */
setDefaultTimeout(120_000);

interface Collected extends ComparedModule {
  readonly recipe: string;
}

const files = await readArchive("random-modules.tar.zst");
const collection: Collected[] = [...files]
  .filter(([path]) => path.endsWith(".json"))
  .map(([path, description]) => ({
    ...JSON.parse(new TextDecoder().decode(description)),
    bytes: files.get(path.replace(/json$/, "wasm")),
  }));
const recipes = Map.groupBy(collection, ({ recipe }) => recipe);
const comparisons = new Map<Collected, ModuleComparison>();

describe("random modules do the same with limits as without:", () => {
  for (const [recipe, modules] of recipes) {
    test(`${modules.length} of the recipe ${recipe}`, () => {
      const differences = modules.flatMap((module) => compared(module).differences);
      expect(differences).toEqual([]);
    });
  }
});

describe("the comparison is worth something, because", () => {
  test("the engine takes every module, and few wait for other threads", () => {
    const kinds = Map.groupBy(collection, (module) => compared(module).kind);
    expect(kinds.get("refused-by-engine")).toBeUndefined();
    expect(kinds.get("compared")?.length).toBeGreaterThan(450);
  });

  test("modules make many calls", () => {
    const steps = collection.reduce((total, module) => total + compared(module).steps, 0);
    expect(steps).toBeGreaterThan(8_000);
  });

  test("some calls never end by themselves", () => {
    expect(collection.filter((module) => compared(module).fuelEnds > 0).length).toBeGreaterThan(50);
  });
});

function compared(module: Collected): ModuleComparison {
  let comparison = comparisons.get(module);
  if (comparison === undefined) {
    comparison = compareModule(module);
    comparisons.set(module, comparison);
  }
  return comparison;
}
