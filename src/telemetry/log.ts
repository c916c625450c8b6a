/**
 * The log as every folder sees it. How lines look (pretty or JSON) is decided in console-log.ts, once.
 */

export type LogLevel = "error" | "warn" | "info" | "debug";

/** Plain facts of one line. Strings may be hostile: the log escapes them, callers hand them over as they are. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A log whose debug lines can be switched on and off while it is used. */
export interface AdjustableLog extends Log {
  debugEnabled: boolean;
}

/** Lines of each level, and how many of all of them were lost because their reader was too slow. */
export interface LogCounters {
  readonly lines: Readonly<Record<LogLevel, number>>;
  readonly dropped: number;
}

/** A message is always the agent's own words; what a client, guest or peer wrote belongs into a field. */
export interface Log {
  /** True when debug lines are wanted. Ask before building one: the hot path pays only for this read. */
  readonly debugEnabled: boolean;
  /** Of a log that counts. */
  readonly counters?: LogCounters;
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/** For instances that are only asked about themselves. */
export const SILENT_LOG: Log = {
  debugEnabled: false,
  error: ignoreLine,
  warn: ignoreLine,
  info: ignoreLine,
  debug: ignoreLine,
};

function ignoreLine(): void {}
