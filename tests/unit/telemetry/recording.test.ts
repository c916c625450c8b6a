import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { InputError } from "../../../src/event/input-error.ts";
import { readEvent } from "../../../src/telemetry/recording/event-json.ts";
import {
  type RecordedEvent,
  readRecording,
  writeRecordingLine,
} from "../../../src/telemetry/recording/recording.ts";
import { REDACTED } from "../../../src/telemetry/recording/redaction.ts";
import { PLAIN_ALLOW } from "../../../src/event/verdict.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const TIME = new Date("2026-07-01T12:00:00Z");
const EVENT = readEvent({ uri: "/a", headers: { cookie: "s=1", host: "a.test" } });
const LINE = writeRecordingLine(
  { time: TIME, event: EVENT, outcome: PLAIN_ALLOW, us: 12 },
  new Set(["cookie"]),
);

async function readText(text: string): Promise<RecordedEvent[]> {
  using folder = temporaryFolder();
  writeFileSync(folder.file("events.jsonl"), text);
  return Array.fromAsync(readRecording(folder.file("events.jsonl")));
}

async function refusalOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof InputError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("the recording was accepted");
}

describe("a recording", () => {
  test("is one JSON object a line, of these keys", () => {
    expect(LINE).toEndWith("}\n");
    expect(JSON.parse(LINE)).toEqual({
      time: "2026-07-01T12:00:00.000Z",
      event: expect.objectContaining({ uri: "/a", headers: { cookie: [REDACTED], host: ["a.test"] } }),
      outcome: { decision: "allow" },
      us: 12,
    });
  });

  test("is read line by line, and tells where values were redacted", async () => {
    const plain = writeRecordingLine({ time: TIME, event: EVENT, outcome: PLAIN_ALLOW, us: 3 }, new Set());
    const [first, second, ...rest] = await readText(`${plain}\n${LINE}`);
    expect(rest).toEqual([]);
    expect(first).toEqual({
      line: 1,
      event: EVENT,
      outcome: { decision: "allow" },
      us: 3,
      isRedacted: false,
    });
    expect(second).toMatchObject({ line: 3, isRedacted: true });
  });

  test("tells where values of the request in a later event were redacted", async () => {
    const event = readEvent({ status: 200, request: { headers: { cookie: "s=1" } } });
    const line = writeRecordingLine({ time: TIME, event, outcome: PLAIN_ALLOW, us: 1 }, new Set(["cookie"]));
    expect(line).not.toContain("s=1");
    expect(await readText(line)).toMatchObject([{ isRedacted: true }]);
  });

  test("of nothing has no events", async () => {
    expect(await readText("")).toEqual([]);
  });

  test("may end in the middle of a line", async () => {
    expect(await readText(LINE + LINE.slice(0, 40))).toHaveLength(1);
  });

  test("may have lines longer than a read, with characters of several bytes across reads", async () => {
    const event = readEvent({ uri: `/${"é☃😀".repeat(50_000)}` });
    const line = writeRecordingLine({ time: TIME, event, outcome: PLAIN_ALLOW, us: 1 }, new Set());
    const events = await readText(line + LINE + line);
    expect(events.map((one) => one.event)).toEqual([event, expect.anything(), event]);
  });

  const refusals: readonly [name: string, text: string, said: string][] = [
    [
      "a line in its middle that is no JSON",
      `${LINE}oops\n${LINE}`,
      "line 2 of the recording cannot be used: it is not JSON",
    ],
    ["a single line that is no JSON", "oops", "line 1 of the recording cannot be used: it is not JSON"],
    ["JSON of another kind", '{"level":"info"}\n', "is not what the option --record writes"],
    [
      "an event that cannot be",
      LINE.replace('"uri":"/a"', '"uri":7'),
      "line 1 of the recording cannot be used: uri of the event must be a text",
    ],
    [
      "an outcome that cannot be",
      LINE.replace('"allow"', '"perhaps"'),
      "line 1 of the recording cannot be used: outcome",
    ],
  ];
  for (const [name, text, said] of refusals) {
    test(`is refused for ${name}`, async () => {
      const refusal = await refusalOf(readText(text));
      expect(refusal).toStartWith("recording-line: ");
      expect(refusal).toContain(said);
    });
  }

  test("that is not there is refused by name", async () => {
    expect(await refusalOf(Array.fromAsync(readRecording("/nonexistent/events.jsonl")))).toBe(
      "recording-unreadable: cannot read the recording /nonexistent/events.jsonl: there is no such file or folder",
    );
  });
});
