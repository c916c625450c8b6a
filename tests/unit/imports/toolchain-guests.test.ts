import { describe, expect, test } from "bun:test";
import type { EventFailure } from "../../../src/event/failure.ts";
import { Deadline } from "../../../src/wasm/deadline.ts";
import { toEventFailure } from "../../../src/wasm/trap.ts";
import { compileFixture, link, thrownBy } from "./linked-guest.ts";

/** Each guest counts which of the powers of a process it was given: files, directories, variables. */
const NO_POWERS = 0;

const GO = await compileFixture("go-guest.wasm.gz");
const C = await compileFixture("c-guest.wasm");
const FUEL_PER_SLICE = 100_000;
const ASSEMBLYSCRIPT = await compileFixture("assemblyscript-guest.wasm");

describe("a Go c-shared module", () => {
  function initialisedGo() {
    const guest = link(GO);
    guest.call("_initialize");
    return guest;
  }

  test("initialises and answers calls", () => {
    const guest = initialisedGo();
    for (let i = 0; i < 1000; i++) expect(guest.call("answer")).toBe(42);
    expect(guest.log.lines).toEqual([]);
  });

  test("reads the time, gets randomness, and wakes from a sleep", () => {
    const guest = initialisedGo();
    const nowMs = Number(guest.call("now_ms"));
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
    expect(guest.call("random_bits")).toBe(0xff);
    guest.call("sleep_a_little");
    expect(guest.call("answer")).toBe(42);
  });

  test("writes to the log", () => {
    const guest = initialisedGo();
    guest.call("say");
    guest.host.output.flush();
    expect(guest.log.guestTexts).toEqual(["stdout: héllo from Go", "stderr: no newline"]);
  });

  test("has no powers, and what it tried can be read", () => {
    const guest = initialisedGo();
    expect(guest.call("granted_powers")).toBe(NO_POWERS);
    expect(guest.refusals.has("fd_prestat_get")).toBe(true);
  });

  // Go's runtime crashes on a panic in a library, where in a command it would leave with code 2.
  test("a panic is a trap, and its reason is in the log", () => {
    const guest = initialisedGo();
    const thrown = thrownBy(() => guest.call("fail"));
    expect(thrown).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(guest.host.fatal).toBeNull();
    const deadline = new Deadline(FUEL_PER_SLICE);
    deadline.arm(1000);
    expect(toEventFailure(thrown, guest.host.fatal, deadline, "fail")).toHaveProperty("code", "guest-trap");
    guest.host.output.flush();
    expect(guest.log.guestTexts).toContain("stderr: panic: boom");
    expect(guest.log.lines.every((line) => line.level === "error")).toBe(true);
  });

  test("os.Exit is an exit with its code", () => {
    const guest = initialisedGo();
    const failure = thrownBy(() => guest.call("leave", 7));
    expect(failure).toHaveProperty("code", "guest-exit");
    expect(failure).toHaveProperty("details", { exit_code: 7 });
  });
});

describe("a C module with wasi-libc", () => {
  function initialisedC() {
    const guest = link(C);
    guest.call("_initialize");
    return guest;
  }

  test("runs its constructors once", () => {
    const guest = initialisedC();
    expect(guest.call("constructions")).toBe(1);
    expect(guest.call("constructions")).toBe(1);
  });

  test("prints through stdio", () => {
    const guest = initialisedC();
    guest.call("say", 42);
    guest.host.output.flush();
    expect(guest.log.guestTexts.toSorted()).toEqual([
      "stderr: warning 42",
      "stdout: answer 42",
      "stdout: unfinished",
    ]);
  });

  test("reads the time, and nothing from its standard input", () => {
    const guest = initialisedC();
    expect(Math.abs(Number(guest.call("now")) * 1000 - Date.now())).toBeLessThan(60_000);
    expect(guest.call("reads_a_byte")).toBe(0);
  });

  test("has no powers, and exits with its code", () => {
    const guest = initialisedC();
    expect(guest.call("granted_powers")).toBe(NO_POWERS);
    expect(thrownBy(() => guest.call("leave", 9))).toHaveProperty("details", { exit_code: 9 });
  });
});

describe("an AssemblyScript module", () => {
  test("traces and uses the console", () => {
    const guest = link(ASSEMBLYSCRIPT);
    guest.log.debugEnabled = true;
    guest.call("say");
    expect(
      guest.log.lines.map(({ level, fields }) => `${level} ${fields["stream"]}: ${fields["text"]}`),
    ).toEqual([
      "info trace: two numbers 1.5, 2",
      "info trace: none",
      "info console: héllo 😀",
      "debug console: details",
      "warn console: careful",
      "error console: wrong",
      "error console: assertion failed: shown",
    ]);
  });

  test("uses timers, dates, randomness and the host's mathematics", () => {
    const guest = link(ASSEMBLYSCRIPT);
    guest.call("timeSomething");
    expect(guest.log.guestTexts).toEqual([
      expect.stringMatching(/^console: work: [\d.]+ ms$/),
      expect.stringMatching(/^console: work: [\d.]+ ms$/),
      "console: timer work was never started",
    ]);
    expect(Math.abs(Number(guest.call("nowMs")) - Date.now())).toBeLessThan(60_000);
    expect(guest.call("elapsedMs")).toBeGreaterThanOrEqual(0);
    const drawn = Number(guest.call("random"));
    expect(drawn).toBeGreaterThanOrEqual(0);
    expect(drawn).toBeLessThan(1);
    const other = link(ASSEMBLYSCRIPT);
    expect(other.call("random")).not.toBe(drawn);
    expect(guest.call("hostSine", 0)).toBe(Math.PI);
  });

  test("a thrown error is an abort with message and position", () => {
    const guest = link(ASSEMBLYSCRIPT);
    const failure = thrownBy(() => guest.call("fail"));
    expect(failure).toHaveProperty("code", "guest-abort");
    expect(failure).toHaveProperty("message", "the guest aborted: no such policy (guest.ts:39:3)");
    expect(guest.host.fatal).toBe(failure as EventFailure);
  });

  test("process.exit is an exit", () => {
    const guest = link(ASSEMBLYSCRIPT);
    expect(thrownBy(() => guest.call("leave", 5))).toHaveProperty("details", { exit_code: 5 });
  });
});
