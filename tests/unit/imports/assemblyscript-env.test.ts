import { describe, expect, test } from "bun:test";
import { EventFailure } from "../../../src/event/failure.ts";
import { GuestClock } from "../../../src/wasm/imports/guest-clock.ts";
import { type LinkedGuest, type LinkOptions, linkForwarder, thrownBy } from "./linked-guest.ts";

const PAGE = 65_536;

const FUNCTIONS = {
  abort: "(param i32 i32 i32 i32)",
  trace: "(param i32 i32 f64 f64 f64 f64 f64)",
  seed: "(result f64)",
  "console.log": "(param i32)",
  "console.debug": "(param i32)",
  "console.assert": "(param i32 i32)",
  "console.time": "(param i32)",
  "console.timeLog": "(param i32)",
  "console.timeEnd": "(param i32)",
  "process.exit": "(param i32)",
  "Date.now": "(result f64)",
  "performance.now": "(result f64)",
  "Math.atan2": "(param f64 f64) (result f64)",
};

function linkEnv(options: LinkOptions = {}): Promise<LinkedGuest> {
  return linkForwarder("env", FUNCTIONS, options);
}

/** As AssemblyScript lays a string out: its length in bytes, then UTF-16. Returns the pointer to the text. */
function writeString(guest: LinkedGuest, at: number, text: string): number {
  guest.data.setUint32(at, text.length * 2, true);
  for (let i = 0; i < text.length; i++) guest.data.setUint16(at + 4 + i * 2, text.charCodeAt(i), true);
  return at + 4;
}

describe("abort", () => {
  test("ends the call with message and position, and is remembered", async () => {
    const guest = await linkEnv();
    const message = writeString(guest, 0, "Unexpected “key”");
    const file = writeString(guest, 512, "assembly/index.ts");
    const failure = thrownBy(() => guest.call("abort", message, file, 12, 5)) as EventFailure;
    expect(failure).toBeInstanceOf(EventFailure);
    expect(failure.code).toBe("guest-abort");
    expect(failure.message).toBe("the guest aborted: Unexpected “key” (assembly/index.ts:12:5)");
    expect(failure.details).toEqual({
      message: "Unexpected “key”",
      file: "assembly/index.ts",
      line: 12,
      column: 5,
    });
    expect(guest.host.fatal).toBe(failure);
  });

  test("does without a message and a file", async () => {
    const guest = await linkEnv();
    expect(thrownBy(() => guest.call("abort", 0, 0, -1, 0))).toHaveProperty(
      "message",
      "the guest aborted: no message (unknown file:4294967295:0)",
    );
  });

  test("keeps 512 characters of a message", async () => {
    const guest = await linkEnv();
    const message = writeString(guest, 0, "m".repeat(20_000));
    const failure = thrownBy(() => guest.call("abort", message, 0, 1, 1)) as EventFailure;
    expect(failure.details["message"]).toBe("m".repeat(512));
  });

  test("process.exit is an exit", async () => {
    const guest = await linkEnv();
    expect(thrownBy(() => guest.call("process.exit", 4))).toHaveProperty("details", { exit_code: 4 });
    expect(guest.host.fatal?.code).toBe("guest-exit");
  });
});

describe("texts", () => {
  test.each([
    ["a pointer with no room for a length", 3],
    ["a pointer beyond the end", PAGE + 1],
    ["a pointer that is the largest there is", -1],
  ])("%s reads as a note", async (_what, pointer) => {
    const guest = await linkEnv();
    guest.call("console.log", pointer);
    expect(guest.log.guestTexts).toEqual(["console: (text outside of memory)"]);
  });

  test("a length that reaches beyond the end reads as a note", async () => {
    const guest = await linkEnv();
    for (const length of [9, 0xffff_ffff]) {
      guest.data.setUint32(PAGE - 12, length, true);
      guest.call("console.log", PAGE - 8);
    }
    guest.data.setUint32(PAGE - 12, 8, true);
    guest.call("console.log", PAGE - 8);
    expect(guest.log.guestTexts).toEqual([
      "console: (text outside of memory)",
      "console: (text outside of memory)",
      "console: \0\0\0\0",
    ]);
  });

  test("are made well-formed, cut at 1 KiB, and an odd last byte is left out", async () => {
    const guest = await linkEnv();
    guest.call("console.log", writeString(guest, 0, "a\ud800b"));
    guest.call("console.log", writeString(guest, 0, "x".repeat(600)));
    const odd = writeString(guest, 0, "yz");
    guest.data.setUint32(0, 3, true);
    guest.call("console.log", odd);
    expect(guest.log.lines.map((line) => line.fields)).toEqual([
      { slot: 3, stream: "console", text: "a\uFFFDb" },
      { slot: 3, stream: "console", text: "x".repeat(512), cut_bytes: 176 },
      { slot: 3, stream: "console", text: "y" },
    ]);
  });
});

describe("trace and console", () => {
  test.each([
    [0, "note"],
    [2, "note 1, 2.5"],
    [5, "note 1, 2.5, 3, 4, 5"],
    [6, "note 1, 2.5, 3, 4, 5"],
    [-1, "note"],
  ])("trace with a count of %i logs %p", async (count, text) => {
    const guest = await linkEnv();
    guest.call("trace", writeString(guest, 0, "note"), count, 1, 2.5, 3, 4, 5);
    expect(guest.log.lines).toEqual([
      { level: "info", message: "guest output", fields: { slot: 3, stream: "trace", text } },
    ]);
  });

  test("assert speaks when its condition is false", async () => {
    const guest = await linkEnv();
    const text = writeString(guest, 0, "one is two");
    guest.call("console.assert", 1, text);
    guest.call("console.assert", 0, text);
    expect(guest.log.lines.map((line) => [line.level, line.fields["text"]])).toEqual([
      ["error", "assertion failed: one is two"],
    ]);
  });

  test("timers count from their start and end once", async () => {
    let monotonicMs = 10;
    const clock = new GuestClock({ wallMs: () => 0, monotonicMs: () => monotonicMs });
    const guest = await linkEnv({ clock });
    const label = writeString(guest, 0, "work");
    guest.call("console.time", label);
    monotonicMs += 1.5;
    guest.call("console.timeLog", label);
    monotonicMs += 1;
    guest.call("console.timeEnd", label);
    guest.call("console.timeEnd", label);
    expect(guest.log.guestTexts).toEqual([
      "console: work: 1.5 ms",
      "console: work: 2.5 ms",
      "console: timer work was never started",
    ]);
  });

  test("a guest that starts timers without end has 64 of them", async () => {
    const guest = await linkEnv();
    for (let i = 0; i < 70; i++) guest.call("console.time", writeString(guest, 0, `t${i}`));
    guest.call("console.timeEnd", writeString(guest, 0, "t64"));
    expect(guest.log.guestTexts).toEqual(["console: timer t64 was never started"]);
  });

  test("work is accounted for, and a muted instance does none", async () => {
    const guest = await linkEnv();
    let units = 0;
    guest.host.onWork = (work) => {
      units += work;
    };
    const text = writeString(guest, 0, "text");
    guest.call("console.log", text);
    expect(units).toBe(2048);
    guest.host.output.isMuted = true;
    guest.call("console.log", text);
    guest.call("trace", text, 0, 0, 0, 0, 0, 0);
    expect(units).toBe(2048);
    expect(guest.log.guestTexts).toEqual(["console: text"]);
  });
});

describe("numbers", () => {
  test("time is the clock's", async () => {
    const clock = new GuestClock({ wallMs: () => 1_795_341_234_567, monotonicMs: () => 12.345_6 });
    const guest = await linkEnv({ clock });
    expect(guest.call("Date.now")).toBe(1_795_341_234_567);
    expect(guest.call("performance.now")).toBe(12.345);
  });

  test("a seed takes 53 random bits and is never zero", async () => {
    const zeros = await linkEnv({ fillRandom: (bytes) => bytes.fill(0) });
    expect(zeros.call("seed")).toBe(1);
    const ones = await linkEnv({ fillRandom: (bytes) => bytes.fill(0xff) });
    expect(ones.call("seed")).toBe(2 ** 53);
    const real = await linkEnv();
    expect(real.call("seed")).not.toBe(real.call("seed"));
  });

  test("mathematics is the host's", async () => {
    const guest = await linkEnv();
    expect(guest.call("Math.atan2", 1, -1)).toBe(Math.atan2(1, -1));
  });
});
