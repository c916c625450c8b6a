import { describe, expect, test } from "bun:test";
import { GuestOutput } from "../../../src/wasm/imports/guest-output.ts";
import { LineRate } from "../../../src/wasm/imports/line-rate.ts";
import { RecordedLog } from "./recorded-log.ts";

function say(output: GuestOutput, text: string): void {
  const bytes = new TextEncoder().encode(text);
  output.write("stdout", bytes, 0, bytes.length);
}

interface Bench {
  readonly log: RecordedLog;
  readonly output: GuestOutput;
  readonly rate: LineRate;
  nowMs: number;
  clockReadings: number;
}

function bench(linesPerSecond = 3): Bench {
  const log = new RecordedLog();
  const made = { nowMs: 5000, clockReadings: 0 };
  const rate = new LineRate({
    linesPerSecond,
    nowMs: () => {
      made.clockReadings++;
      return made.nowMs;
    },
  });
  return Object.assign(made, { log, rate, output: new GuestOutput({ log, slot: 2, rate }) });
}

describe("the rate of lines", () => {
  test("drops what is over and says how much once the second is over", () => {
    const b = bench();
    say(b.output, "1\n2\n3\n4\n5\n");
    b.output.flush();
    expect(b.log.guestTexts).toEqual(["stdout: 1", "stdout: 2", "stdout: 3"]);
    b.nowMs += 999;
    say(b.output, "6\n");
    expect(b.log.lines).toHaveLength(3);
    b.nowMs += 1;
    say(b.output, "7\n");
    expect(b.log.lines.slice(3)).toEqual([
      { level: "warn", message: "3 lines of guest output suppressed", fields: { slot: 2 } },
      { level: "info", message: "guest output", fields: { slot: 2, stream: "stdout", text: "7" } },
    ]);
  });

  test("says it at the end of a later call when the guest writes no more", () => {
    const b = bench(1);
    say(b.output, "1\n2\n");
    b.output.flush();
    expect(b.log.lines).toHaveLength(1);
    b.nowMs += 1000;
    b.output.flush();
    b.output.flush();
    expect(b.log.lines.slice(1)).toEqual([
      { level: "warn", message: "1 line of guest output suppressed", fields: { slot: 2 } },
    ]);
  });

  test("counts all streams of a slot together", () => {
    const b = bench();
    say(b.output, "1\n");
    b.output.write("stderr", new Uint8Array([0x32, 0x0a]), 0, 2);
    b.output.writeLine("trace", "info", "3", 0);
    b.output.writeLine("console", "warn", "4", 0);
    expect(b.log.guestTexts).toEqual(["stdout: 1", "stderr: 2", "trace: 3"]);
  });

  test("goes on where it was when the slot is refilled", () => {
    const b = bench();
    say(b.output, "1\n2\n3\n");
    const successor = new GuestOutput({ log: b.log, slot: 2, rate: b.rate });
    say(successor, "4\n");
    expect(b.log.guestTexts).toHaveLength(3);
  });

  test("is asked for the time once a write, not once a line", () => {
    const b = bench();
    say(b.output, "a\n".repeat(4000));
    expect(b.clockReadings).toBe(1);
  });
});

describe("a quiet instance", () => {
  test("costs no clock reading at the end of a call", () => {
    const b = bench();
    b.output.flush();
    say(b.output, "1\n");
    const readings = b.clockReadings;
    b.output.flush();
    expect(b.clockReadings).toBe(readings);
  });
});

describe("muting", () => {
  test("drops everything until it ends, half a line included", () => {
    const b = bench();
    const output = new GuestOutput({ log: b.log, slot: 2, rate: b.rate, isMuted: true });
    say(output, "warm-up\nhalf");
    output.skip("stdout", 10);
    output.writeLine("console", "error", "warm-up", 0);
    output.isMuted = false;
    say(output, "served\n");
    expect(b.log.guestTexts).toEqual(["stdout: served"]);
    expect(b.log.lines).toHaveLength(1);
  });

  test("logs first what was begun before it", () => {
    const b = bench();
    say(b.output, "begun");
    b.output.isMuted = true;
    say(b.output, " dropped\n");
    expect(b.log.guestTexts).toEqual(["stdout: begun"]);
    expect(b.output.isMuted).toBe(true);
  });
});

describe("levels", () => {
  test("debug lines are made only when somebody wants them, and use up no allowance otherwise", () => {
    const b = bench(1);
    b.output.writeLine("console", "debug", "unseen", 0);
    b.log.debugEnabled = true;
    b.output.writeLine("console", "debug", "seen", 12);
    expect(b.log.lines).toEqual([
      {
        level: "debug",
        message: "guest output",
        fields: { slot: 2, stream: "console", text: "seen", cut_bytes: 12 },
      },
    ]);
  });
});
