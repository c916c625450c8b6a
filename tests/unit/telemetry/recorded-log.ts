/**
 * A log that keeps its lines, for tests of what writes to one.
 */

import type { Log, LogFields, LogLevel } from "../../../src/telemetry/log.ts";

export class RecordedLog implements Log {
  readonly debugEnabled = true;
  readonly lines: [LogLevel, string, LogFields][] = [];

  error(message: string, fields: LogFields = {}): void {
    this.lines.push(["error", message, fields]);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push(["warn", message, fields]);
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push(["info", message, fields]);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push(["debug", message, fields]);
  }
}
