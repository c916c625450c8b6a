import { describe, expect, test } from "bun:test";
import { headerDiff } from "../../../src/tools/header-diff.ts";
import type { HeaderOp } from "../../../src/event/header-ops.ts";

const HEADERS = { host: ["a.test"], Cookie: ["a=1", "b=2"] };

function diff(...ops: HeaderOp[]): string[] {
  return headerDiff(HEADERS, ops).map(
    ({ kind, name, value }) => `${kind === "added" ? "+" : "-"} ${name}: ${value}`,
  );
}

describe("a diff of headers", () => {
  test("of no operations is empty", () => {
    expect(diff()).toEqual([]);
  });

  test("shows a new header as added", () => {
    expect(diff({ op: "set", name: "X-New", value: "1" })).toEqual(["+ X-New: 1"]);
  });

  test("shows the old and the new value of a header that is set, under the names each has", () => {
    expect(diff({ op: "set", name: "Host", value: "b.test" })).toEqual(["- host: a.test", "+ Host: b.test"]);
  });

  test("shows every value that a removal takes", () => {
    expect(diff({ op: "remove", name: "cookie" })).toEqual(["- Cookie: a=1", "- Cookie: b=2"]);
  });

  test("shows one more value of a header as added", () => {
    expect(diff({ op: "add", name: "cookie", value: "c=3" })).toEqual(["+ cookie: c=3"]);
  });

  test("leaves values that stay out", () => {
    expect(
      diff({ op: "set", name: "cookie", value: "b=2" }, { op: "add", name: "cookie", value: "d=4" }),
    ).toEqual(["- Cookie: a=1", "+ cookie: d=4"]);
  });

  test("is empty where operations change nothing", () => {
    expect(
      diff(
        { op: "set", name: "host", value: "a.test" },
        { op: "remove", name: "x-absent" },
        { op: "set", name: "x-brief", value: "1" },
        { op: "remove", name: "x-brief" },
      ),
    ).toEqual([]);
  });

  test("takes spellings of one name for one header", () => {
    expect(headerDiff({ a: ["1"], A: ["2"] }, [{ op: "remove", name: "a" }])).toHaveLength(2);
  });
});
