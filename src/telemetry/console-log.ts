/**
 * The log on stderr, built on consola: pretty for people, one JSON object a line for machines. Everything shown is
 * bounded and escaped here, whoever chose the text. Where the bytes go is bounded-output's business.
 */

import { styleText } from "node:util";
import { type ConsolaInstance, createConsola, LogLevels } from "consola/core";
import type { BoundedOutput } from "./bounded-output.ts";
import { capText, escapeInvisible, quoteText } from "./hostile-text.ts";
import type { AdjustableLog, LogCounters, LogFields, LogLevel } from "./log.ts";

export interface ConsoleLogOptions {
  readonly format: "pretty" | "json";
  /** Shows debug lines. */
  readonly verbose: boolean;
  /** Only the pretty format has colours. */
  readonly colour: boolean;
  readonly sink: Pick<BoundedOutput, "write">;
}

interface Entry {
  readonly time: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** The HTTP client chooses the correlation id, and it stands on every line of its request. */
const MAX_CORRELATION_ID_LENGTH = 128;
const MAX_TEXT_LENGTH = 2048;

const LEVEL_STYLES = {
  error: "red",
  warn: "yellow",
  info: "green",
  debug: "gray",
} as const satisfies Record<LogLevel, Parameters<typeof styleText>[0]>;

/** A value that reads unmistakably without quotes. */
const PLAIN_VALUE = /^[\w.:/@%+-]+$/;

export class ConsoleLog implements AdjustableLog {
  #debugEnabled: boolean;
  readonly #lines: Record<LogLevel, number> = { error: 0, warn: 0, info: 0, debug: 0 };
  #dropped = 0;
  readonly #consola: ConsolaInstance;
  /** Lines that were dropped since the last report of it. */
  #lost = 0;

  constructor(options: ConsoleLogOptions) {
    this.#debugEnabled = options.verbose;
    const format = options.format === "json" ? jsonLine : options.colour ? colouredLine : plainLine;
    this.#consola = createConsola({
      level: options.verbose ? LogLevels.debug : LogLevels.info,
      // Consola holds repeated lines back on a timer; a line held back is lost when the process ends first.
      throttle: 0,
      reporters: [
        {
          log: ({ type, date, args }) => {
            const level = type as LogLevel;
            const [message, fields] = args as [string, LogFields];
            this.#lines[level]++;
            if (!options.sink.write(format({ time: date, level, message, fields }))) {
              this.#lost++;
              this.#dropped++;
            } else if (this.#lost > 0) this.#reportLost(date, format, options.sink);
          },
        },
      ],
    });
  }

  #reportLost(time: Date, format: (entry: Entry) => string, sink: ConsoleLogOptions["sink"]): void {
    const message = "log lines lost: stderr is read too slowly";
    if (sink.write(format({ time, level: "warn", message, fields: { lines: this.#lost } }))) this.#lost = 0;
  }

  get debugEnabled(): boolean {
    return this.#debugEnabled;
  }

  set debugEnabled(isEnabled: boolean) {
    this.#debugEnabled = isEnabled;
    this.#consola.level = isEnabled ? LogLevels.debug : LogLevels.info;
  }

  /** Lines that were lost are among the others as well. */
  get counters(): LogCounters {
    return { lines: this.#lines, dropped: this.#dropped };
  }

  error(message: string, fields: LogFields = {}): void {
    this.#consola.error(message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#consola.warn(message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#consola.info(message, fields);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#consola.debug(message, fields);
  }
}

function jsonLine(entry: Entry): string {
  const line = new Map<string, unknown>([
    ["time", entry.time.toISOString()],
    ["level", entry.level],
    ["msg", capText(entry.message, MAX_TEXT_LENGTH)],
  ]);
  for (const [name, value] of shownFields(entry.fields)) {
    // A field may not pass for one of the three that every line has.
    line.set(line.has(name) ? `${name}_` : name, value);
  }
  return `${escapeInvisible(JSON.stringify(Object.fromEntries(line)))}\n`;
}

function plainLine(entry: Entry): string {
  return prettyLine(entry, (_style, text) => text);
}

function colouredLine(entry: Entry): string {
  return prettyLine(entry, (style, text) => styleText(style, text, { validateStream: false }));
}

type Paint = (style: "red" | "yellow" | "green" | "gray", text: string) => string;

function prettyLine(entry: Entry, paint: Paint): string {
  const parts = [
    paint("gray", clockTime(entry.time)),
    paint(LEVEL_STYLES[entry.level], entry.level.toUpperCase().padEnd(5)),
    escapeInvisible(capText(entry.message, MAX_TEXT_LENGTH)),
  ];
  for (const [name, value] of shownFields(entry.fields)) {
    const shown = typeof value !== "string" || PLAIN_VALUE.test(value) ? String(value) : quoteText(value);
    parts.push(paint("gray", `${escapeInvisible(name)}=`) + shown);
  }
  return `${parts.join(" ")}\n`;
}

function* shownFields(fields: LogFields): Generator<[string, string | number | boolean | null]> {
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const maxLength = name === "correlation_id" ? MAX_CORRELATION_ID_LENGTH : MAX_TEXT_LENGTH;
    yield [name, typeof value === "string" ? capText(value, maxLength) : value];
  }
}

/** Local time of day: a person at a terminal compares it with the clock on the wall. */
function clockTime(time: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const milliseconds = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${milliseconds}`;
}
