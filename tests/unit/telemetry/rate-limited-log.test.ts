import { beforeEach, describe, expect, test } from "bun:test";
import { RateLimitedLog } from "../../../src/telemetry/rate-limited-log.ts";
import { RecordedLog } from "./recorded-log.ts";

describe("RateLimitedLog", () => {
  let nowMs: number;
  let log: RecordedLog;
  let limited: RateLimitedLog;

  beforeEach(() => {
    nowMs = 5000;
    log = new RecordedLog();
    limited = new RateLimitedLog(log, { nowMs: () => nowMs });
  });

  test("passes one line of a key a second and counts the rest on the next", () => {
    limited.write("warn", "trap", "guest trapped", { slot: 1 });
    limited.write("warn", "trap", "guest trapped", { slot: 2 });
    nowMs += 999;
    limited.write("warn", "trap", "guest trapped", { slot: 3 });
    nowMs += 1;
    limited.write("warn", "trap", "guest trapped", { slot: 4 });
    nowMs += 1000;
    limited.write("warn", "trap", "guest trapped", { slot: 5 });
    expect(log.lines).toEqual([
      ["warn", "guest trapped", { slot: 1 }],
      ["warn", "guest trapped", { slot: 4, suppressed: 2 }],
      ["warn", "guest trapped", { slot: 5 }],
    ]);
  });

  test("keeps keys apart", () => {
    limited.write("warn", "a", "one");
    limited.write("error", "b", "two");
    expect(log.lines.map(([level, message]) => [level, message])).toEqual([
      ["warn", "one"],
      ["error", "two"],
    ]);
  });

  test("passes as many lines an interval as it is told", () => {
    limited = new RateLimitedLog(log, { nowMs: () => nowMs, linesPerInterval: 3, intervalMs: 100 });
    for (let i = 0; i < 10; i++) limited.write("info", "guest", `line ${i}`);
    nowMs += 100;
    limited.write("info", "guest", "line 10");
    expect(log.lines.map(([, message]) => message)).toEqual(["line 0", "line 1", "line 2", "line 10"]);
    expect(log.lines.at(-1)?.[2]).toEqual({ suppressed: 7 });
  });

  test("reports at flush what no later line has reported", () => {
    for (let i = 0; i < 5; i++) limited.write("warn", "trap", "guest trapped");
    limited.flush();
    limited.flush();
    expect(log.lines.slice(1)).toEqual([
      ["warn", "more lines like this were held back", { like: "guest trapped", suppressed: 4 }],
    ]);
  });

  test("many keys share one allowance once as many as may be are remembered", () => {
    limited = new RateLimitedLog(log, { nowMs: () => nowMs, maxKeys: 10 });
    for (let i = 0; i < 1000; i++) limited.write("info", `key ${i}`, "line");
    expect(log.lines).toHaveLength(11);
    limited.flush();
    expect(log.lines.at(-1)).toEqual([
      "info",
      "more lines like this were held back",
      { like: "line", suppressed: 989 },
    ]);
  });

  test("forgets keys whose interval is over when it needs the room, and reports what they owe", () => {
    limited = new RateLimitedLog(log, { nowMs: () => nowMs, maxKeys: 2 });
    limited.write("warn", "a", "first");
    limited.write("warn", "a", "first");
    limited.write("warn", "b", "second");
    nowMs += 1000;
    limited.write("warn", "c", "third");
    expect(log.lines).toEqual([
      ["warn", "first", {}],
      ["warn", "second", {}],
      ["warn", "more lines like this were held back", { like: "first", suppressed: 1 }],
      ["warn", "third", {}],
    ]);
  });
});
