/** The last line of the terminal, at the widths that terminals have. */

import { describe, expect, test } from "bun:test";
import { type FooterFacts, footer } from "../../../../src/tools/dev/screen/footer.ts";

const plain = (_style: string, text: string) => text;
const marked = (style: string, text: string) => `<${style}>${text}</>`;

function facts(rest: Partial<FooterFacts> = {}): FooterFacts {
  return {
    totals: { allow: 1204, block: 7, redirect: 0, failed: 0 },
    latency: { p50Us: 18, p99Us: 1240 },
    hasKeys: true,
    ...rest,
  };
}

describe("the last line of the terminal", () => {
  test("has counts, latency and keys where there is room", () => {
    expect(footer(facts(), 130, plain)).toBe(
      `1,211 events · 1,204 allow · 7 block · 0 redirect · 0 failed · p50 18 µs · p99 1.24 ms${" ".repeat(4)}o playground  r rebuild  c clear  q quit`,
    );
  });

  test("names the keys by their letters where their words have no room", () => {
    expect(footer(facts(), 100, plain)).toEndWith("p99 1.24 ms       o r c q");
  });

  test("leaves out what did not happen where there is less room", () => {
    expect(footer(facts(), 64, plain)).toBe("1,211 events · 1,204 allow · 7 block · p50 18 µs · p99 1.24 ms");
    expect(footer(facts(), 40, plain)).toBe("1,211 events · 1,204 allow · 7 block");
    expect(footer(facts(), 20, plain)).toBe("1,211 events");
    expect(footer(facts(), 4, plain)).toBe("1,2…");
  });

  test("is never wider than the terminal", () => {
    for (let columns = 1; columns < 200; columns++) {
      expect(Bun.stringWidth(footer(facts(), columns, plain))).toBeLessThanOrEqual(columns);
    }
  });

  test("says nothing of a latency that nobody measured, nor of keys that nobody reads", () => {
    expect(footer(facts({ latency: null, hasKeys: false }), 130, plain)).toBe(
      "1,211 events · 1,204 allow · 7 block · 0 redirect · 0 failed",
    );
  });

  test("colours what happened, and dims what did not", () => {
    const line = footer(facts({ totals: { allow: 1, block: 0, redirect: 0, failed: 0 } }), 130, marked);
    expect(line).toStartWith("<bold>1 event</><dim> · </><green>1 allow</><dim> · </><dim>0 block</>");
  });
});
