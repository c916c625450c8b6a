/**
 * The guests are what they say they are: fresh, valid, and doing what the README promises. What the agent makes of them
 * is tested where the agent is.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { RawGuest } from "../examples/raw-guest.ts";
import { assembleGuest } from "./assemble-guest.ts";
import { GUEST_NAMES, type GuestName } from "./guest-list.ts";
import { guestPath } from "./guest-path.ts";
import { guestReadme } from "./guest-readme.ts";
import { guestWat } from "./guest-wat.ts";
import { replyGuest } from "./reply-guest.ts";

const REBUILD = "run `bun tests/guests/build.ts`";
const INPUT = '{"status":200}';

async function open(name: GuestName): Promise<RawGuest> {
  return RawGuest.open(new WebAssembly.Module(await Bun.file(guestPath(name)).arrayBuffer()));
}

function ask(guest: RawGuest, input: string = INPUT): string {
  return Buffer.from(guest.ask("on_response_headers", Buffer.from(input))).toString();
}

describe("the committed files", () => {
  test.each([...GUEST_NAMES])("%s.wasm is valid and fresh", async (name) => {
    const committed = await Bun.file(guestPath(name)).bytes();
    expect(WebAssembly.validate(committed)).toBe(true);
    expect(Buffer.from(committed).equals(await assembleGuest(name)), REBUILD).toBe(true);
  });

  test("README.md lists the guests as they are", async () => {
    expect(await Bun.file(join(import.meta.dir, "README.md")).text(), REBUILD).toBe(guestReadme());
  });

  test("no binary is left of a guest that is no more", () => {
    const binaries = readdirSync(import.meta.dir).filter((file) => file.endsWith(".wasm"));
    expect(binaries.sort(), REBUILD).toEqual(GUEST_NAMES.map((name) => `${name}.wasm`).sort());
  });
});

describe("a guest of replyGuest", () => {
  test.each([0, 1, 127, 128, 65519, 65520, 65521, 200_000, 10 * 1024 * 1024])(
    "answers with its %i bytes",
    (size) => {
      const result = new Uint8Array(size).fill(0x61);
      const guest = RawGuest.open(new WebAssembly.Module(replyGuest(result)));
      expect(Buffer.from(guest.ask("on_request_headers", Buffer.from(INPUT))).equals(result)).toBe(true);
    },
  );

  test.each([0, 1, 65535, 65536, 65537, 3_000_000])("takes an input of %i bytes", (size) => {
    const guest = RawGuest.open(new WebAssembly.Module(replyGuest("answer")));
    expect(ask(guest, "x".repeat(size))).toBe("answer");
    expect(ask(guest, "x".repeat(size))).toBe("answer");
  });
});

describe("a guest's text", () => {
  test("gets what it does not bring", () => {
    expect(guestWat("")).toContain('(func $alloc (export "alloc")');
    expect(guestWat("(func $alloc (param i32) (result i32) (i32.const 0))")).not.toContain(
      '(export "alloc")',
    );
  });

  test("must have all its placeholders filled", () => {
    expect(() => guestWat("(i32.const {SIZE})")).toThrow(
      "the guest's text has {SIZE}, but no value is given for it",
    );
  });
});

describe("guests that answer", () => {
  const allow = '{"decision":"allow"}';

  test.each<[GuestName, string]>([
    ["constant", allow],
    ["result-ends-with-memory", allow],
    ["trap-on-marker", allow],
    ["loop-on-marker", allow],
    ["configure-accept", allow],
    ["compute", allow],
    ["exit-caught", allow],
    ["alloc-returns-zero", allow],
    ["signature-request", allow],
    ["write-flood", allow],
    ["echo", `{"decision":"allow","custom":{"input":${INPUT}}}`],
    ["initialize", '{"decision":"allow","tags":["n-1"]}'],
    ["memory-growth", '{"decision":"allow","tags":["n-3"]}'],
  ])("%s answers %s", async (name, answer) => {
    expect(ask(await open(name))).toBe(answer);
  });

  test("counter counts", async () => {
    const guest = await open("counter");
    const answers = Array.from({ length: 12 }, () => ask(guest));
    expect(answers).toEqual(
      Array.from({ length: 12 }, (_, index) => `{"decision":"allow","tags":["n-${index + 1}"]}`),
    );
  });

  test("echo takes an input of many pages", async () => {
    const input = JSON.stringify({ uri: "x".repeat(500_000) });
    expect(ask(await open("echo"), input)).toBe(`{"decision":"allow","custom":{"input":${input}}}`);
  });

  test.each<[GuestName, number]>([
    ["result-10-mib", 10 * 1024 * 1024],
    ["result-10-mib-and-one", 10 * 1024 * 1024 + 1],
  ])("%s answers with JSON of %i bytes", async (name, bytes) => {
    const answer = ask(await open(name));
    expect(answer.length).toBe(bytes);
    expect(JSON.parse(answer)).toHaveProperty("decision", "allow");
  });
});

describe("guests that end an event", () => {
  test.each<[GuestName, RegExp]>([
    ["trap", /unreachable/i],
    ["trap-in-alloc", /unreachable/i],
    ["trap-in-dealloc", /unreachable/i],
    ["recursion-mutual", /call stack/i],
    ["exit-0", /proc_exit/],
    ["exit-1", /proc_exit/],
    ["abort", /abort/],
    ["pointer-past-end", /out of range|out of bounds/i],
    ["length-past-end", /out of range|out of bounds/i],
    ["result-overlaps-end", /out of range|out of bounds/i],
    ["pointer-negative", /out of range|out of bounds/i],
    ["length-negative", /out of range|out of bounds/i],
  ])("%s does", async (name, reason) => {
    const guest = await open(name);
    expect(() => ask(guest)).toThrow(reason);
  });

  test("trap-on-marker traps at its marker, wherever it stands", async () => {
    for (const input of ["boom", "xboom", "boomx", '{"uri":"/booboom"}']) {
      const guest = await open("trap-on-marker");
      expect(() => ask(guest, input)).toThrow(/unreachable/i);
    }
    const guest = await open("trap-on-marker");
    for (const input of ["", "b", "boo", "boobo om"]) expect(ask(guest, input)).toBe('{"decision":"allow"}');
  });

  test.each<[GuestName, RegExp]>([
    ["trap-in-start", /unreachable/i],
    ["trap-in-initialize", /unreachable/i],
  ])("%s does not even start", async (name, reason) => {
    await expect(open(name)).rejects.toThrow(reason);
  });
});
