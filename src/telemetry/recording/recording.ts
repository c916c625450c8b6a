/**
 * The lines of a recording: one JSON object for each event that was answered, with what became of it. How they get into
 * the file is recorder.ts's business.
 */

import * as v from "valibot";
import type { ProxyEvent } from "../../event/event.ts";
import type { TakeoverFacts } from "../../event/observer.ts";
import { printableJson } from "../hostile-text.ts";
import { InputError, systemReason } from "../../event/input-error.ts";
import { readEvent, writeEvent } from "./event-json.ts";
import { type Outcome, type OutcomeJson, outcomeSchema, writeOutcome } from "./outcome-json.ts";
import { REDACTED, type RedactedNames } from "./redaction.ts";
import { textLines } from "./text-lines.ts";

export interface RecordedEvent {
  /** In its file, from 1. */
  readonly line: number;
  readonly event: ProxyEvent;
  readonly outcome: OutcomeJson;
  /** From the question to the verdict. */
  readonly us: number;
  /** True when values of its headers are not those that were sent. */
  readonly isRedacted: boolean;
}

const lineSchema = v.object({
  time: v.string(),
  event: v.looseObject({}),
  outcome: outcomeSchema,
  us: v.number(),
});

/** One line, its end included. */
export function writeRecordingLine(
  entry: {
    readonly time: Date;
    readonly event: ProxyEvent;
    readonly outcome: Outcome;
    readonly us: number;
  },
  redacted: RedactedNames,
): string {
  const line = {
    time: entry.time.toISOString(),
    event: writeEvent(entry.event, redacted),
    outcome: writeOutcome(entry.outcome, redacted),
    us: entry.us,
  };
  return `${printableJson(line)}\n`;
}

/** A line that is no event: from here on, another process has recorded. Whoever reads events passes it over. */
export function writeTakeoverLine(time: Date, { connections, afterCrash }: TakeoverFacts): string {
  const takeover = { connections, after_crash: afterCrash };
  return `${printableJson({ time: time.toISOString(), takeover })}\n`;
}

const takeoverLineSchema = v.object({ time: v.string(), takeover: v.looseObject({}) });

/** Whether a JSON value is a line of a recording rather than an event by itself. */
export function isRecordingLine(value: unknown): boolean {
  return v.is(v.object({ event: v.looseObject({}), outcome: v.unknown() }), value);
}

/** @throws InputError `recording-line` */
export function readRecordingLine(value: unknown, line: number): RecordedEvent {
  const result = v.safeParse(lineSchema, value);
  if (!result.success) {
    const path = v.getDotPath(result.issues[0]) ?? "its content";
    throw damagedLine(line, `${path} is not what the option --record writes`);
  }
  const { event: eventJson, outcome, us } = result.output;
  try {
    const event = readEvent(eventJson);
    return { line, event, outcome, us, isRedacted: hasRedactedValue(event) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw damagedLine(line, error.message);
  }
}

/**
 * All events of a recording, one after the other. A last line that ends in its middle, as a full disk or a killed agent
 * leaves it, is passed over; `onCutLine` is told its number.
 *
 * @throws InputError `recording-unreadable`, `recording-line`
 */
export async function* readRecording(
  path: string,
  onCutLine: (line: number) => void = () => {},
): AsyncGenerator<RecordedEvent> {
  let line = 0;
  let cutLine: string | null = null;
  try {
    for await (const text of textLines(path)) {
      if (cutLine !== null) throw damagedLine(line, "it is not JSON");
      line++;
      if (text === "") continue;
      const value = parseOrNull(text);
      if (value === null) cutLine = text;
      else if (!v.is(takeoverLineSchema, value)) yield readRecordingLine(value, line);
    }
  } catch (error) {
    if (error instanceof InputError || !(error instanceof Error && "code" in error)) throw error;
    throw new InputError(
      "recording-unreadable",
      `cannot read the recording ${path}: ${systemReason(error)}`,
      {
        cause: error,
      },
    );
  }
  // A single line that is no JSON is no recording at all.
  if (cutLine !== null && line === 1) throw damagedLine(line, "it is not JSON");
  if (cutLine !== null) onCutLine(line);
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function hasRedactedValue(event: ProxyEvent): boolean {
  const headers = "headers" in event ? event.headers : {};
  const request = "request" in event && event.request?.kind === "request-headers" ? event.request : null;
  return [headers, request?.headers ?? {}].some((map) =>
    Object.values(map).some((values) => values.includes(REDACTED)),
  );
}

function damagedLine(line: number, problem: string): InputError {
  return new InputError("recording-line", `line ${line} of the recording cannot be used: ${problem}`);
}
