/**
 * The official WebAssembly test suite says the same of every module as it is and of the module with limits. What the
 * engine itself does not take is the same on both sides, and counted and named at the end.
 */

import { describe, expect, test } from "bun:test";
import { readArchive } from "./archive.ts";
import { isSameOutcome } from "./guest-failure.ts";
import { buildPlain, limitedBuilder, wideCaps } from "./module-build.ts";
import { type CommandOutcome, SpecRun } from "./spec-run.ts";
import { type SpecScript, specScripts } from "./spec-script.ts";

interface Comparison {
  readonly script: SpecScript;
  readonly plain: readonly CommandOutcome[];
  readonly differences: readonly string[];
}

const scripts = specScripts(await readArchive("spec-suite.tar.zst"));
const groups = Map.groupBy(scripts, groupOf);

/** Slices this short end inside nearly every function that has a loop or calls another. */
const buildLimited = limitedBuilder({ ...wideCaps, fuelPerSlice: 97 }, () => 0);

const comparisons = new Map<SpecScript, Comparison>();

for (const [group, members] of groups) {
  describe(`the suite's ${group} scripts say the same with limits`, () => {
    for (const script of members) {
      test(script.path, () => {
        expect(compared(script).differences).toEqual([]);
      });
    }
  });
}

describe("the comparison is worth something, because", () => {
  test("the engine passes nearly all of the suite", () => {
    const outcomes = scripts.flatMap((script) => compared(script).plain);
    const passed = outcomes.filter((outcome) => outcome.passed).length;
    expect(outcomes.length).toBeGreaterThan(71_000);
    expect(passed).toBeGreaterThan(69_900);
  });

  test("the engine refuses valid modules of these proposals alone", () => {
    const refused = scripts.filter((script) =>
      compared(script).plain.some(
        ({ command, text }) =>
          (command === "module" || command === "module_definition") && text.startsWith("compile:"),
      ),
    );
    expect([...new Set(refused.map(groupOf))]).toEqual([
      "custom-descriptors",
      "custom-page-sizes",
      "memory64",
    ]);
  });

  test("no command needs threads of the suite's own", () => {
    const unrun = scripts.filter((script) =>
      compared(script).plain.some(({ text }) => text.startsWith("not run")),
    );
    expect(unrun.map(({ path }) => path)).toEqual([]);
  });
});

function compared(script: SpecScript): Comparison {
  let comparison = comparisons.get(script);
  if (comparison === undefined) {
    comparison = compare(script);
    comparisons.set(script, comparison);
  }
  return comparison;
}

function compare(script: SpecScript): Comparison {
  const plain = new SpecRun(script, buildPlain).outcomes();
  const limited = new SpecRun(script, buildLimited).outcomes();
  const differences = plain.flatMap((outcome, index) => {
    const text = limited[index]?.text;
    const same = isSameOutcome(outcome.text, text) || isRefusal(outcome, text);
    return same ? [] : [`line ${outcome.line}, ${outcome.command}: ${outcome.text}, with limits: ${text}`];
  });
  return { script, plain, differences };
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

function groupOf(script: SpecScript): string {
  return script.path.slice(0, script.path.indexOf("/"));
}
