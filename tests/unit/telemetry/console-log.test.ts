import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConsoleLog, type ConsoleLogOptions } from "../../../src/telemetry/console-log.ts";

function captureLog(options: Partial<ConsoleLogOptions> = {}) {
  const lines: string[] = [];
  const room = { lines: Number.POSITIVE_INFINITY };
  const sink = {
    write: (text: string) => {
      if (room.lines === 0) return false;
      room.lines--;
      lines.push(text);
      return true;
    },
  };
  const log = new ConsoleLog({ format: "json", verbose: false, colour: false, sink, ...options });
  return { log, lines, room };
}

function onlyObject(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? "");
}

describe("the JSON format", () => {
  test("writes time, level and message first, then the fields, as one line", () => {
    const { log, lines } = captureLog();
    log.info("ready", { slots: 4, module: "policy.wasm", fresh: true, peer: null, absent: undefined });
    expect(lines[0]).toMatch(
      /^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","msg":"ready","slots":4,"module":"policy\.wasm","fresh":true,"peer":null\}\n$/,
    );
  });

  test("keeps time, level and message its own when a field bears their name", () => {
    const { log, lines } = captureLog();
    log.error("real", { msg: "forged", level: "info", time: "never" });
    const line = onlyObject(lines);
    expect(line).toMatchObject({
      level: "error",
      msg: "real",
      msg_: "forged",
      level_: "info",
      time_: "never",
    });
    expect(line["time"]).not.toBe("never");
  });

  test("never takes a name from the prototype of objects", () => {
    const { log, lines } = captureLog();
    log.info("x", JSON.parse('{"__proto__":"a","constructor":"b"}'));
    const line = onlyObject(lines);
    expect(Object.entries(line).slice(3)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("is one visible line that reads back unchanged, whatever a field holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const { log, lines } = captureLog();
        log.warn(text, { text });
        expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(onlyObject(lines)).toMatchObject({ msg: text, text });
      }),
    );
  });
});

describe("the pretty format", () => {
  test("writes the clock time, the level, the message and the fields", () => {
    const { log, lines } = captureLog({ format: "pretty" });
    log.warn("slot broken", { slot: 2, code: "guest-trap" });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}slot broken slot=2 code=guest-trap\n$/);
  });

  test("quotes what could be taken for something else", () => {
    const { log, lines } = captureLog({ format: "pretty" });
    log.info("x", { id: 'a" level=ERROR\nforged', empty: "" });
    expect(lines[0]).toEndWith('x id="a\\" level=ERROR\\nforged" empty=""\n');
  });

  test("cannot be made to break the line or to drive the terminal", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const { log, lines } = captureLog({ format: "pretty" });
        log.info(text, { text });
        expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });

  test("colours its own parts only when asked to", () => {
    const { log, lines } = captureLog({ format: "pretty", colour: true });
    log.error("no \u001b[32mgreen");
    expect(lines[0]).toContain("\u001b[31mERROR\u001b[39m");
    expect(lines[0]).toContain("no \\u001b[32mgreen");
  });
});

describe("every format", () => {
  for (const format of ["json", "pretty"] as const) {
    test(`${format}: cuts a correlation id at 128 characters and other text at 2048`, () => {
      const { log, lines } = captureLog({ format });
      log.info("m".repeat(5000), { correlation_id: "c".repeat(5000), path: "p".repeat(5000) });
      expect(lines[0]).toContain(`${"c".repeat(127)}…`);
      expect(lines[0]).toContain(`${"p".repeat(2047)}…`);
      expect(lines[0]).toContain(`${"m".repeat(2047)}…`);
      expect(lines[0]).not.toContain("c".repeat(128));
      expect(lines[0]).not.toContain("p".repeat(2048));
      expect(lines[0]).not.toContain("m".repeat(2048));
    });

    test(`${format}: shows a correlation id of 128 characters in full`, () => {
      const { log, lines } = captureLog({ format });
      log.info("x", { correlation_id: "c".repeat(128) });
      expect(lines[0]).toContain("c".repeat(128));
    });
  }

  test("debug lines appear only when the log is verbose, and the log says so beforehand", () => {
    const quiet = captureLog();
    quiet.log.debug("event");
    expect(quiet.log.debugEnabled).toBe(false);
    expect(quiet.lines).toEqual([]);

    const verbose = captureLog({ verbose: true });
    verbose.log.debug("event");
    expect(verbose.log.debugEnabled).toBe(true);
    expect(onlyObject(verbose.lines)).toMatchObject({ level: "debug", msg: "event" });
  });

  test("repeated lines are all written, at once", () => {
    const { log, lines } = captureLog();
    for (let i = 0; i < 100; i++) log.info("same");
    expect(lines).toHaveLength(100);
  });

  test("tells how many lines a slow reader has cost", () => {
    const { log, lines, room } = captureLog();
    room.lines = 0;
    for (let i = 0; i < 7; i++) log.info("lost");
    // Room for the next line, and none for what there is to say of the others.
    room.lines = 1;
    log.info("next");
    room.lines = 10;
    log.info("after");
    log.info("last");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "next" },
      { msg: "after" },
      { level: "warn", msg: "log lines lost: stderr is read too slowly", lines: 7 },
      { msg: "last" },
    ]);
  });
});
