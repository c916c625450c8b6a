/** A log that keeps its lines; like the real one, debug lines only when they are wanted. */

import type { Log, LogFields, LogLevel } from "../../src/telemetry/log.ts";

export interface RecordedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export class RecordedLog implements Log {
  readonly debugEnabled: boolean;
  readonly lines: RecordedLine[] = [];

  constructor(options: { readonly debugEnabled?: boolean } = {}) {
    this.debugEnabled = options.debugEnabled ?? false;
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
    if (this.debugEnabled) this.lines.push({ level: "debug", message, fields });
  }

  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }
}
