import { expect, test } from "bun:test";
import { honoursWholeAnswers } from "../../../src/protocol/v2/proxy-version.ts";

test.each(["0.6.51", "0.6.54", "0.7.0", "1.0.0", "0.10.2", "0.6.51-rc1", "0.6.100", "1.0.0+build.5"])(
  "%s honours whole answers",
  (version) => {
    expect(honoursWholeAnswers(version)).toBe(true);
  },
);

test.each(["0.6.20", "0.6.45", "0.6.50", "0.5.99", "0.6.5"])("%s does not", (version) => {
  expect(honoursWholeAnswers(version)).toBe(false);
});

test.each(["", "unknown", "v0.6.54", "0.6", "x0.6.54"])(
  "%p cannot be read and gets the form that harms nobody",
  (version) => {
    expect(honoursWholeAnswers(version)).toBe(false);
  },
);
