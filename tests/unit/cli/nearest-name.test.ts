import { describe, expect, test } from "bun:test";
import { nearestName } from "../../../src/cli/nearest-name.ts";

const NAMES = ["module", "verbose", "timeout-ms", "start-timeout-ms", "pool-size"];

describe("nearestName", () => {
  const cases = [
    { typed: "module", meant: "module" },
    { typed: "modle", meant: "module" },
    { typed: "moduule", meant: "module" },
    { typed: "mudule", meant: "module" },
    { typed: "mdoule", meant: "module" },
    { typed: "timeout", meant: "timeout-ms" },
    { typed: "start", meant: "start-timeout-ms" },
    { typed: "poolSize", meant: "pool-size" },
    { typed: "POOL_SIZE", meant: "pool-size" },
    { typed: "help", meant: null },
    { typed: "x", meant: null },
    { typed: "", meant: null },
  ];
  for (const { typed, meant } of cases) {
    test(`takes "${typed}" for ${meant ?? "nothing it knows"}`, () => {
      expect(nearestName(typed, NAMES)).toBe(meant);
    });
  }

  test("does not guess between two beginnings", () => {
    expect(nearestName("re", ["record", "replay"])).toBeNull();
  });
});
