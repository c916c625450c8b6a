import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { ProxyEvent } from "../../../src/event/event.ts";
import { InputError } from "../../../src/event/input-error.ts";
import { readEvent } from "../../../src/telemetry/recording/event-json.ts";
import { Recorder } from "../../../src/telemetry/recording/recorder.ts";
import { readRecording } from "../../../src/telemetry/recording/recording.ts";
import { REDACTED } from "../../../src/telemetry/recording/redaction.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const EVENT = readEvent({ uri: "/a", headers: { cookie: "s=1" } });
const MIB = 1024 * 1024;

function open(path: string, maxBytes = MIB) {
  const log = new RecordedLog();
  return { log, recorder: Recorder.open({ path, maxBytes, redactedNames: ["cookie", "set-cookie"], log }) };
}

function bodyOf(bytes: number): ProxyEvent {
  return {
    kind: "request-body-chunk",
    correlationId: "a",
    bytes: Buffer.alloc(bytes),
    isLast: true,
    chunkIndex: 0,
    totalBytes: bytes,
    bytesSoFar: bytes,
  };
}

function linesOf(path: string): string[] {
  return readFileSync(path, "utf8").trimEnd().split("\n");
}

describe("a recorder", () => {
  test("writes events a little later, without being asked to", async () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder } = open(path);
    recorder.onSettled(EVENT, PLAIN_ALLOW, 7, null);
    expect(statSync(path).size).toBe(0);
    while (statSync(path).size === 0) await Bun.sleep(5);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ us: 7, outcome: { decision: "allow" } });
    recorder.close();
  });

  test("writes what is waiting when it is closed, and says how much it has recorded", () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder, log } = open(path);
    for (let i = 0; i < 3; i++) recorder.onSettled(EVENT, PLAIN_ALLOW, i, null);
    recorder.close();
    expect(linesOf(path)).toHaveLength(3);
    expect(log.lines.at(-1)).toMatchObject({
      message: "recorded events",
      fields: { events: 3, left_out: 0 },
    });
    recorder.onSettled(EVENT, PLAIN_ALLOW, 4, null);
    recorder.close();
    expect(linesOf(path)).toHaveLength(3);
  });

  test("says where another process's recording went on, and whoever replays it passes that over", async () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder, log } = open(path);
    recorder.onTakeover({ connections: 4, afterCrash: false });
    recorder.onSettled(EVENT, PLAIN_ALLOW, 1, null);
    recorder.close();
    expect(JSON.parse(linesOf(path)[0]!)).toMatchObject({ takeover: { connections: 4, after_crash: false } });
    expect(log.lines.at(-1)).toMatchObject({ fields: { events: 1 } });
    const read = await Array.fromAsync(readRecording(path));
    expect(read.map(({ line, us }) => ({ line, us }))).toEqual([{ line: 2, us: 1 }]);
  });

  test("records the failure in place of the fail gate's verdict", () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder } = open(path);
    recorder.onSettled(EVENT, PLAIN_ALLOW, 1, new EventFailure("guest-trap", "it trapped"));
    recorder.close();
    expect(JSON.parse(readFileSync(path, "utf8")).outcome).toEqual({
      failure: "guest-trap",
      reason: "it trapped",
    });
  });

  test("keeps the values of redacted headers to itself, in events and in verdicts", () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder } = open(path);
    const verdict: Verdict = {
      ...PLAIN_ALLOW,
      responseHeaders: [{ op: "set", name: "Set-Cookie", value: "secret=2" }],
    };
    recorder.onSettled(readEvent({ headers: { cookie: "secret=1" } }), verdict, 1, null);
    recorder.close();
    const text = readFileSync(path, "utf8");
    expect(text).not.toContain("secret");
    expect(text.split(REDACTED)).toHaveLength(3);
  });

  test("makes a file that only its owner can read, and goes on with one that is there", () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    for (let run = 0; run < 2; run++) {
      const { recorder } = open(path);
      recorder.onSettled(EVENT, PLAIN_ALLOW, 1, null);
      recorder.close();
    }
    expect(linesOf(path)).toHaveLength(2);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("ends with whole lines within its bound, what was there before included", () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const first = open(path);
    first.recorder.onSettled(EVENT, PLAIN_ALLOW, 1, null);
    first.recorder.close();
    const bytes = statSync(path).size;
    const { recorder, log } = open(path, bytes * 3 + 1);
    for (let i = 0; i < 9; i++) recorder.onSettled(EVENT, PLAIN_ALLOW, 1, null);
    recorder.close();
    expect(linesOf(path).map((line) => JSON.parse(line).us)).toEqual([1, 1, 1]);
    expect(log.lines.at(-1)).toMatchObject({
      message: "recording has ended: the file has reached its bound (--record-max)",
      fields: { events: 2, max_bytes: bytes * 3 + 1 },
    });
  });

  test.skipIf(!existsSync("/dev/full"))("says so once and goes quiet when the disk is full", () => {
    const { recorder, log } = open("/dev/full");
    recorder.onSettled(EVENT, PLAIN_ALLOW, 1, null);
    recorder.close();
    expect(log.messages("info")).toEqual([
      "recording events",
      "recording has ended: the file cannot be written",
    ]);
    expect(log.lines.at(-1)?.fields["reason"]).toBe("the disk is full");
  });

  test("leaves events out, and counts them, when more come at once than it may keep", () => {
    using folder = temporaryFolder();
    const { recorder, log } = open(folder.file("events.jsonl"), 64 * MIB);
    for (let i = 0; i < 4100; i++) recorder.onSettled(EVENT, PLAIN_ALLOW, 1, null);
    recorder.close();
    expect(log.lines.at(-1)?.fields).toMatchObject({ events: 4096, left_out: 4 });
  });

  test("keeps bodies, and what takes their place", () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder } = open(path);
    const event = readEvent({ kind: "response_body", body: "secret" });
    recorder.onSettled(event, { ...PLAIN_ALLOW, replacement: Buffer.from([0xff]) }, 1, null);
    recorder.close();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      event: { kind: "response_body", body_base64: "c2VjcmV0" },
      outcome: { decision: "allow", replace_body_base64: "/w==" },
    });
  });

  test("leaves out a body that no proxy sends unless it was told to", () => {
    using folder = temporaryFolder();
    const { recorder, log } = open(folder.file("events.jsonl"), 64 * MIB);
    recorder.onSettled(bodyOf(2 * MIB), PLAIN_ALLOW, 1, null);
    recorder.onSettled(bodyOf(2 * MIB + 1), PLAIN_ALLOW, 1, null);
    recorder.onSettled(bodyOf(1), { ...PLAIN_ALLOW, replacement: Buffer.alloc(2 * MIB) }, 1, null);
    recorder.close();
    expect(log.lines.at(-1)?.fields).toMatchObject({ events: 1, left_out: 2 });
  });

  test("holds no more than 16 MiB of bodies until they are written, and goes on then", async () => {
    using folder = temporaryFolder();
    const path = folder.file("events.jsonl");
    const { recorder, log } = open(path, 128 * MIB);
    for (let i = 0; i < 20; i++) recorder.onSettled(bodyOf(MIB), PLAIN_ALLOW, 1, null);
    while (linesOf(path).length < 16) await Bun.sleep(5);
    recorder.onSettled(bodyOf(MIB), PLAIN_ALLOW, 1, null);
    recorder.close();
    expect(log.lines.at(-1)?.fields).toMatchObject({ events: 17, left_out: 4 });
  });

  test("that cannot open its file is an error before anything is served", () => {
    expect(() => open("/nonexistent/events.jsonl")).toThrow(
      new InputError(
        "recording-unwritable",
        "cannot write the recording /nonexistent/events.jsonl: there is no such file or folder",
      ),
    );
  });
});
