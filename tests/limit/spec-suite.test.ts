/**
 * The official WebAssembly test suite says the same of every module as it is and of the module with limits. What the
 * engine itself does not take is the same on both sides, and counted and named at the end.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readArchive } from "./archive.ts";
import { isSameOutcome } from "./guest-failure.ts";
import { buildPlain, limitedBuilder, wideCaps } from "./module-build.ts";
import { type CommandOutcome, SpecRun } from "./spec-run.ts";
import { specScript, specScriptPaths } from "./spec-script.ts";

/** A test here runs many modules, on a machine that may be busy. */
setDefaultTimeout(120_000);

interface Comparison {
  readonly commands: number;
  /** Commands that do what the script demands without limits. */
  readonly passed: number;
  readonly refusesValidModules: boolean;
  readonly needsThreads: boolean;
  readonly differences: readonly string[];
}

const files = await readArchive("spec-suite.tar.zst");
const paths = specScriptPaths(files);

/** Slices this short end inside nearly every function that has a loop or calls another. */
const buildLimited = limitedBuilder({ ...wideCaps, fuelPerSlice: 97 }, () => 0);

const comparisons = new Map<string, Comparison>();

for (const [group, members] of Map.groupBy(paths, groupOf)) {
  describe(`the suite's ${group} scripts say the same with limits`, () => {
    for (const path of members) {
      test(path, () => {
        expect(compared(path).differences).toEqual([]);
      });
    }
  });
}

describe("the comparison is worth something, because", () => {
  test("the engine passes nearly all of the suite", () => {
    const sum = (pick: (comparison: Comparison) => number): number =>
      paths.reduce((total, path) => total + pick(compared(path)), 0);
    expect(sum(({ commands }) => commands)).toBeGreaterThan(71_000);
    expect(sum(({ passed }) => passed)).toBeGreaterThan(69_900);
  });

  test("the engine refuses valid modules of these proposals alone", () => {
    const refused = paths.filter((path) => compared(path).refusesValidModules);
    expect([...new Set(refused.map(groupOf))]).toEqual([
      "custom-descriptors",
      "custom-page-sizes",
      "memory64",
    ]);
  });

  test("no command needs threads of the suite's own", () => {
    expect(paths.filter((path) => compared(path).needsThreads)).toEqual([]);
  });
});

function compared(path: string): Comparison {
  let comparison = comparisons.get(path);
  if (comparison === undefined) {
    comparison = compare(path);
    comparisons.set(path, comparison);
  }
  return comparison;
}

function compare(path: string): Comparison {
  const script = specScript(files, path);
  const plain = new SpecRun(script, buildPlain).outcomes();
  const limited = new SpecRun(script, buildLimited).outcomes();
  const differences = plain.flatMap((outcome, index) => {
    const text = limited[index]?.text;
    const same = isSameOutcome(outcome.text, text) || isRefusal(outcome, text);
    return same ? [] : [`line ${outcome.line}, ${outcome.command}: ${outcome.text}, with limits: ${text}`];
  });
  return {
    commands: plain.length,
    passed: plain.filter(({ passed }) => passed).length,
    refusesValidModules: plain.some(isRefusedModule),
    needsThreads: plain.some(({ text }) => text.startsWith("not run")),
    differences,
  };
}

function isRefusedModule({ command, text }: CommandOutcome): boolean {
  return (command === "module" || command === "module_definition") && text.startsWith("compile:");
}

/**
 * A module that the engine refuses may be refused by the rewrite first; so may a module that is wrong but that the
 * engine takes; and so may a table beyond the engine's own limit, which the engine refuses only when it is made.
 */
function isRefusal(plain: CommandOutcome, limitedText = ""): boolean {
  if (/^assert_(invalid|malformed)/.test(plain.command) || plain.text.startsWith("compile")) {
    return /^(module|compile)(:|$)/.test(limitedText);
  }
  return plain.command === "module_definition" && limitedText.startsWith("module: module-memory-too-large:");
}

function groupOf(path: string): string {
  return path.slice(0, path.indexOf("/"));
}
