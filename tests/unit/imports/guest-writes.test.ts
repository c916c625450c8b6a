import { describe, expect, test } from "bun:test";
import {
  type LinkedGuest,
  type LinkOptions,
  linkForwarder,
  writeBytes,
  writeIovecs,
} from "./linked-guest.ts";

const WASI = "wasi_snapshot_preview1";
const PAGE = 65_536;
const WRITTEN = 60_000;
const FAULT = 21;
const INVAL = 28;

function linkWriter(options: LinkOptions = {}): Promise<LinkedGuest> {
  return linkForwarder(WASI, { fd_write: "(param i32 i32 i32 i32) (result i32)" }, options);
}

/** Writes one text through one iovec. */
function print(guest: LinkedGuest, fd: number, text: string | Uint8Array): number {
  const length = writeBytes(guest, 1024, text);
  writeIovecs(guest, 0, [[1024, length]]);
  expect(guest.call("fd_write", fd, 0, 1, WRITTEN)).toBe(0);
  return guest.data.getUint32(WRITTEN, true);
}

describe("fd_write", () => {
  test("1 becomes an info line and 2 an error line, marked with slot and stream", async () => {
    const guest = await linkWriter();
    expect(print(guest, 1, "hello\n")).toBe(6);
    expect(print(guest, 2, "wrong\r\n")).toBe(7);
    expect(guest.log.lines).toEqual([
      { level: "info", message: "guest output", fields: { slot: 3, stream: "stdout", text: "hello" } },
      { level: "error", message: "guest output", fields: { slot: 3, stream: "stderr", text: "wrong" } },
    ]);
  });

  test("joins pieces to lines, for each stream on its own", async () => {
    const guest = await linkWriter();
    print(guest, 1, "one, ");
    print(guest, 2, "other, ");
    print(guest, 1, "two\nthree");
    print(guest, 2, "end\n\n\n");
    expect(guest.log.guestTexts).toEqual(["stdout: one, two", "stderr: other, end"]);
    guest.host.output.flush();
    guest.host.output.flush();
    expect(guest.log.guestTexts).toEqual(["stdout: one, two", "stderr: other, end", "stdout: three"]);
  });

  test("gathers a line from several iovecs, empty ones included", async () => {
    const guest = await linkWriter();
    writeBytes(guest, 1024, "llo\nhe");
    const count = writeIovecs(guest, 0, [
      [1028, 2],
      [PAGE, 0],
      [1024, 4],
    ]);
    expect(guest.call("fd_write", 1, 0, count, WRITTEN)).toBe(0);
    expect(guest.data.getUint32(WRITTEN, true)).toBe(6);
    expect(guest.log.guestTexts).toEqual(["stdout: hello"]);
  });

  test("replaces bytes that are not UTF-8 and leaves control characters to the log", async () => {
    const guest = await linkWriter();
    print(guest, 1, new Uint8Array([0x61, 0xff, 0x62, 0x1b, 0x5b, 0x31, 0x6d, 0x0a]));
    expect(guest.log.guestTexts).toEqual(["stdout: a\uFFFDb\u001b[1m"]);
  });

  test("keeps 1 KiB of a line, ends it on a whole character and says how much is missing", async () => {
    const guest = await linkWriter();
    print(guest, 1, `${"a".repeat(1023)}é${"b".repeat(500)}`);
    print(guest, 1, "ccc\nnext\n");
    expect(guest.log.lines.map((line) => line.fields)).toEqual([
      { slot: 3, stream: "stdout", text: "a".repeat(1023), cut_bytes: 505 },
      { slot: 3, stream: "stdout", text: "next" },
    ]);
  });

  test("looks at 8 KiB of one call and reports all of it as written", async () => {
    const guest = await linkWriter();
    const line = `${"x".repeat(1023)}\n`;
    expect(print(guest, 1, line.repeat(12))).toBe(12 * 1024);
    expect(guest.log.lines).toHaveLength(9);
    expect(guest.log.lines[8]?.fields).toEqual({ slot: 3, stream: "stdout", text: "", cut_bytes: 4096 });
    print(guest, 1, "fresh line\n");
    expect(guest.log.guestTexts.at(-1)).toBe("stdout: fresh line");
  });

  test("costs the same however much of the memory is written", async () => {
    const guest = await linkWriter();
    const work: number[] = [];
    guest.host.onWork = (units) => work.push(units);
    const iovecs = Array.from({ length: 1024 }, (): [number, number] => [0, PAGE - 1]);
    writeIovecs(guest, 0, iovecs);
    expect(guest.call("fd_write", 1, 0, 1024, WRITTEN)).toBe(0);
    expect(guest.data.getUint32(WRITTEN, true)).toBe(1024 * (PAGE - 1));
    expect(work).toEqual([1024 * 64 + 8192 * 4]);
    expect(guest.log.lines.length).toBeLessThan(101);
  });

  test("writes the first 1024 iovecs and leaves the others to the next call", async () => {
    const guest = await linkWriter();
    writeIovecs(
      guest,
      0,
      Array.from({ length: 1025 }, (): [number, number] => [30_000, 1]),
    );
    expect(guest.call("fd_write", 1, 0, 1025, WRITTEN)).toBe(0);
    expect(guest.data.getUint32(WRITTEN, true)).toBe(1024);
    expect(guest.call("fd_write", 1, 0, -1, WRITTEN)).toBe(0);
    expect(guest.data.getUint32(WRITTEN, true)).toBe(1024);
  });

  test("refuses overlapping iovecs whose sum has no 32-bit count", async () => {
    const guest = await linkWriter();
    guest.memory.grow(64);
    const iovecs = Array.from({ length: 1024 }, (): [number, number] => [0, 65 * PAGE]);
    writeIovecs(guest, 0, iovecs);
    expect(guest.call("fd_write", 1, 0, 1024, WRITTEN)).toBe(INVAL);
    expect(guest.call("fd_write", 1, 0, 1000, WRITTEN)).toBe(0);
    expect(guest.data.getUint32(WRITTEN, true)).toBe(65 * PAGE * 1000);
  });

  test.each([
    ["iovecs beyond the end", PAGE - 7, 1, WRITTEN],
    ["iovecs that would wrap around", -8, 2, WRITTEN],
    ["the count beyond the end", 0, 1, PAGE - 3],
    ["the count at the last byte", 0, 1, -1],
  ])("%s are a bad address", async (_what, iovecs, count, written) => {
    const guest = await linkWriter();
    writeIovecs(guest, 0, [[1024, 4]]);
    expect(guest.call("fd_write", 1, iovecs, count, written)).toBe(FAULT);
    expect(guest.log.lines).toEqual([]);
  });

  test.each<[string, [number, number]]>([
    ["begins beyond the end", [PAGE + 1, 0]],
    ["ends beyond the end", [PAGE - 3, 4]],
    ["would wrap around", [0xffff_fff0, 0x20]],
    ["has the length of all memory there can be", [0, 0xffff_ffff]],
  ])("nothing is logged when one iovec %s", async (_what, iovec) => {
    const guest = await linkWriter();
    writeBytes(guest, 1024, "good\n");
    writeIovecs(guest, 0, [[1024, 5], iovec]);
    expect(guest.call("fd_write", 1, 0, 2, WRITTEN)).toBe(FAULT);
    guest.host.output.flush();
    expect(guest.log.lines).toEqual([]);
  });

  test("other descriptors take nothing", async () => {
    const guest = await linkWriter();
    expect(guest.call("fd_write", 0, 0, 0, WRITTEN)).toBe(58);
    expect(guest.call("fd_write", 3, 0, 0, WRITTEN)).toBe(8);
    expect(guest.refusals.get("fd_write")).toBe(2);
  });
});
