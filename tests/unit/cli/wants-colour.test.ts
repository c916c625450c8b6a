import { expect, test } from "bun:test";
import { wantsColour } from "../../../src/cli/surroundings.ts";

const CASES = [
  { name: "a terminal", env: {}, isTerminal: true, wanted: true },
  { name: "a file or pipe", env: {}, isTerminal: false, wanted: false },
  { name: "a terminal that cannot", env: { TERM: "dumb" }, isTerminal: true, wanted: false },
  { name: "NO_COLOR", env: { NO_COLOR: "1", FORCE_COLOR: "1" }, isTerminal: true, wanted: false },
  { name: "an empty NO_COLOR", env: { NO_COLOR: "" }, isTerminal: true, wanted: true },
  { name: "FORCE_COLOR", env: { FORCE_COLOR: "1" }, isTerminal: false, wanted: true },
  { name: "FORCE_COLOR=0", env: { FORCE_COLOR: "0" }, isTerminal: true, wanted: false },
];

for (const { name, env, isTerminal, wanted } of CASES) {
  test(`colours are ${wanted ? "wanted" : "not wanted"} for ${name}`, () => {
    expect(wantsColour(env, isTerminal)).toBe(wanted);
  });
}
