/** The picture of a running agent fits its terminal, whatever stands in it. */

import { expect, test } from "bun:test";
import { ratesBetween } from "../../../../src/tools/operate/rates.ts";
import { statusText } from "../../../../src/tools/operate/status-text.ts";
import { topScreen } from "../../../../src/tools/operate/top-screen.ts";
import { sampleStatus, type SampleFacts } from "./sample-status.ts";

const plain = (_style: string, text: string) => text;

function screen(facts: SampleFacts, columns: number, rows: number): string[] {
  const now = sampleStatus({ uptime_seconds: 3702, ...facts });
  return topScreen(now, ratesBetween(sampleStatus(), now), { columns, rows, paint: plain });
}

const MANY_FAILURES = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`guest-failure-${i}`, i + 1]));

test.each([
  [80, 24],
  [140, 40],
  [40, 10],
])("at %i by %i it has as many lines, and none is wider", (columns, rows) => {
  for (const facts of [{}, { failures: MANY_FAILURES }, { path: `/srv/${"long".repeat(100)}.wasm` }]) {
    const lines = screen(facts, columns, rows);
    expect(lines).toHaveLength(rows);
    expect(lines.every((line) => Bun.stringWidth(line) <= columns)).toBe(true);
    expect(lines.at(-1)).toContain("q quit");
  }
});

test("what is wrong stands at its top", () => {
  const checks = [{ name: "configuration", ok: false, fact: "the module refused the last one" }];
  expect(screen({ checks }, 80, 24).slice(0, 2).join("\n")).toMatch(
    /NOT READY.*\n {2}configuration: the module refused the last one/,
  );
});

test("names cannot drive the terminal, neither there nor in status", () => {
  const hostile = { path: "/srv/\u001b[2J\u202e.wasm", failures: { "guest-\u0007": 1 } };
  for (const lines of [screen(hostile, 80, 24), statusText(sampleStatus(hostile))]) {
    expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u202e]/);
  }
});
