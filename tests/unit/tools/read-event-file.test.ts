import { describe, expect, test } from "bun:test";
import { readEvent } from "../../../src/telemetry/recording/event-json.ts";
import { readEventText } from "../../../src/tools/read-event-file.ts";
import { writeRecordingLine } from "../../../src/telemetry/recording/recording.ts";
import { PLAIN_ALLOW } from "../../../src/event/verdict.ts";

function recorded(uri: string): string {
  const event = readEvent({ uri });
  return writeRecordingLine({ time: new Date(0), event, outcome: PLAIN_ALLOW, us: 1 }, new Set());
}

describe("the text an event is read from", () => {
  test("may be an event, over as many lines as it likes", () => {
    expect(readEventText('{\n  "uri": "/a"\n}\n', null)).toEqual({ uri: "/a" });
  });

  test("may be one line of a recording", () => {
    expect(readEventText(recorded("/a"), null)).toMatchObject({ uri: "/a" });
  });

  test("may be a recording: its first line, or the one that is asked for", () => {
    const text = recorded("/a") + recorded("/b");
    expect(readEventText(text, null)).toMatchObject({ uri: "/a" });
    expect(readEventText(text, 2)).toMatchObject({ uri: "/b" });
  });

  test("may be events by themselves, one a line", () => {
    expect(readEventText('{"uri":"/a"}\n{"uri":"/b"}\n', 2)).toEqual({ uri: "/b" });
  });

  const refusals: readonly [name: string, text: string, line: number | null, said: string][] = [
    ["no JSON", "uri=/a", null, "neither the whole text nor its line 1 is JSON"],
    ["nothing", "\n", null, "the event is empty"],
    ["fewer lines than asked for", '{"uri":"/a"}\n', 7, "there is no line 7; the text has 1"],
    ["JSON of another kind", "[1]", null, "an event must be a JSON object"],
    ["null", "null", null, "an event must be a JSON object"],
  ];
  for (const [name, text, line, said] of refusals) {
    test(`is refused when it is ${name}`, () => {
      expect(() => readEventText(text, line)).toThrow(said);
    });
  }
});
