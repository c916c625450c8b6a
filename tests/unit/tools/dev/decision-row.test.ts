/** A line of the terminal's table. */

import { describe, expect, test } from "bun:test";
import type { EventRecord } from "../../../../src/tools/dev/event-history.ts";
import type { EventRow } from "../../../../src/tools/dev/page-messages.ts";
import { decisionRow } from "../../../../src/tools/dev/screen/decision-row.ts";
import { showMicroseconds } from "../../../../src/tools/dev/screen/show-duration.ts";
import { EventFailure } from "../../../../src/event/failure.ts";

const plain = (_style: string, text: string) => text;
const AT_MS = new Date(2026, 0, 2, 3, 4, 5).getTime();

function record(row: Partial<EventRow>, rest: Partial<EventRecord> = {}): EventRecord {
  return {
    row: {
      id: 1,
      atMs: AT_MS,
      kind: "request-headers",
      title: "GET /",
      decision: "allow",
      status: null,
      failureCode: null,
      us: 18.4,
      headerChanges: 0,
      effects: [],
      tags: [],
      sha256: "",
      isKept: true,
      ...row,
    },
    failure: null,
    log: [],
    kept: null,
    ...rest,
  };
}

describe("an event is one line", () => {
  test("of time, verdict, duration and what was asked", () => {
    expect(decisionRow(record({}), 100, plain)).toEqual(["03:04:05  allow            18 µs  GET /"]);
  });

  test("with its tags and how many headers change", () => {
    const row = record({ decision: "block", status: 401, tags: ["admin"], headerChanges: 2 });
    expect(decisionRow(row, 100, plain)).toEqual([
      "03:04:05  block 401        18 µs  GET /  admin, 2 headers",
    ]);
  });

  test("that fits the terminal", () => {
    const row = record({ title: `GET /${"x".repeat(500)}`, tags: ["tag"] });
    const [line = ""] = decisionRow(row, 60, plain);
    expect(line).toEndWith("x…  tag");
    expect(line.length).toBe(60);
  });

  test("that cannot drive the terminal", () => {
    const row = record({ title: "GET /\u001b[2J\u202e\r\n", tags: ["\u0007"] });
    expect(decisionRow(row, 120, plain)).toEqual([
      "03:04:05  allow            18 µs  GET /\\u001b[2J\\u202e\\u000d\\u000a  \\u0007",
    ]);
  });
});

describe("below it stands", () => {
  test("why it failed", () => {
    const failure = new EventFailure("guest-trap", "unreachable");
    expect(decisionRow(record({ failureCode: "guest-trap" }, { failure }), 100, plain)).toEqual([
      "03:04:05  failed           18 µs  GET /",
      "          guest-trap: unreachable",
    ]);
  });

  test("what the module wrote, up to a bound", () => {
    const log = Array.from({ length: 20 }, (_, i) => ({ level: "info" as const, text: `line ${i}` }));
    const lines = decisionRow(record({}, { log }), 100, plain);
    expect(lines).toHaveLength(14);
    expect(lines[1]).toBe("          │ line 0");
    expect(lines[13]).toBe("          │ 8 more lines");
  });
});

test.each([
  [0, "0 µs"],
  [999, "999 µs"],
  [1240, "1.24 ms"],
  [45_600, "45.6 ms"],
  [345_600, "346 ms"],
  [2_500_000, "2.50 s"],
])("%p microseconds are %s", (us, text) => {
  expect(showMicroseconds(us)).toBe(text);
});
