/** A log that keeps its lines, for tests to read. */

import type { Log, LogFields, LogLevel } from "../../../src/telemetry/log.ts";

export interface RecordedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export class RecordedLog implements Log {
  debugEnabled = false;
  readonly lines: RecordedLine[] = [];

  /** What the guest said, as `stream: text` in the order of the lines. */
  get guestTexts(): string[] {
    return this.lines
      .filter((line) => line.message === "guest output")
      .map((line) => `${line.fields["stream"]}: ${line.fields["text"]}`);
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }
  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }
  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }
  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }
}
