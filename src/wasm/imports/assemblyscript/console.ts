/** `trace` and the console: each call is a log line of its own level; timers are kept per instance. */

import type { LogLevel } from "../../../telemetry/log.ts";
import { MAX_LINE_BYTES } from "../guest-output.ts";
import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { type GuestText, readText } from "./text.ts";

const MAX_TRACE_NUMBERS = 5;
/** A guest that starts more timers than this has lost track of them; further ones are not kept. */
const MAX_TIMERS = 64;
/** Reading a text and handing it to the log, in units of host work. */
const LINE_WORK = 2 * MAX_LINE_BYTES;

export function consoleFunctions(host: ImportHost): ImportFunctions {
  const startedAtMicros = new Map<string, number>();

  const read = (pointer: number): GuestText => {
    host.work(LINE_WORK);
    return readText(host.memory.current(), pointer, MAX_LINE_BYTES);
  };
  const say = (level: LogLevel, text: string, cutBytes = 0): void =>
    host.output.writeLine("console", level, text, cutBytes);
  const sayAt =
    (level: LogLevel) =>
    (pointer: number): void => {
      if (host.output.isMuted) return;
      const { text, cutBytes } = read(pointer);
      say(level, text, cutBytes);
    };
  const sayElapsed = (label: string): void => {
    const started = startedAtMicros.get(label);
    if (started === undefined) say("warn", `timer ${label} was never started`);
    else say("info", `${label}: ${(host.clock.monotonicMicros() - started) / 1000} ms`);
  };

  return {
    trace(messagePointer: number, count: number, ...numbers: number[]): void {
      if (host.output.isMuted) return;
      const { text, cutBytes } = read(messagePointer);
      const shown = numbers.slice(0, Math.min(Math.max(count, 0), MAX_TRACE_NUMBERS));
      const line = shown.length === 0 ? text : `${text} ${shown.join(", ")}`;
      host.output.writeLine("trace", "info", line, cutBytes);
    },
    "console.log": sayAt("info"),
    "console.info": sayAt("info"),
    "console.debug": sayAt("debug"),
    "console.warn": sayAt("warn"),
    "console.error": sayAt("error"),
    "console.assert"(isTrue: number, messagePointer: number): void {
      if (isTrue || host.output.isMuted) return;
      const { text, cutBytes } = read(messagePointer);
      say("error", `assertion failed: ${text}`, cutBytes);
    },
    "console.time"(labelPointer: number): void {
      const { text } = read(labelPointer);
      if (startedAtMicros.size < MAX_TIMERS) startedAtMicros.set(text, host.clock.monotonicMicros());
    },
    "console.timeLog": (labelPointer: number): void => sayElapsed(read(labelPointer).text),
    "console.timeEnd"(labelPointer: number): void {
      const { text } = read(labelPointer);
      sayElapsed(text);
      startedAtMicros.delete(text);
    },
  };
}
