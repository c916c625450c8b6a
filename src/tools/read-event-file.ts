/**
 * The event in a text that an author points at: an event by itself, a line of a recording, or one of its lines. It stays
 * JSON here, so that options of a command may still change it; event-json.ts makes an event of it.
 */

import { InputError } from "../event/input-error.ts";
import { isRecordingLine } from "../telemetry/recording/recording.ts";

export type EventJson = Readonly<Record<string, unknown>>;

/**
 * @param line which line of a recording, from 1; null for the whole text, or the first line of a recording
 * @throws InputError `event-not-json`, `event-shape`
 */
export function readEventText(text: string, line: number | null): EventJson {
  if (text.trim() === "") throw new InputError("event-not-json", "the event is empty");
  const whole = line === null ? parse(text) : undefined;
  const value = whole ?? parseLine(text, line ?? 1);
  const event = isRecordingLine(value) ? (value as { event: unknown }).event : value;
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw new InputError("event-shape", "an event must be a JSON object");
  }
  return event as EventJson;
}

function parseLine(text: string, line: number): unknown {
  const lines = text.split("\n");
  const wanted = lines[line - 1]?.trim() ?? "";
  if (wanted === "") {
    const count = lines.filter((one) => one.trim() !== "").length;
    throw new InputError("event-not-json", `there is no line ${line}; the text has ${count}`);
  }
  const value = parse(wanted);
  if (value === undefined) {
    throw new InputError("event-not-json", `neither the whole text nor its line ${line} is JSON`);
  }
  return value;
}

/** Undefined for what is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
