/** The log of a worker thread: every line goes to the thread that owns the log. */

import type { Log, LogFields, LogLevel } from "../telemetry/log.ts";

export interface LogMessage {
  readonly type: "log";
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export function forwardingLog(debugEnabled: boolean, post: (message: LogMessage) => void): Log {
  const forward = (level: LogLevel) => (message: string, fields?: LogFields) =>
    post({ type: "log", level, message, fields });
  return {
    debugEnabled,
    error: forward("error"),
    warn: forward("warn"),
    info: forward("info"),
    debug: forward("debug"),
  };
}
