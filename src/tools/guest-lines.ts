/**
 * Keeps what a guest writes, and what the agent would have logged about it, for a command to show beside the verdict.
 */

import type { Log, LogFields, LogLevel } from "../telemetry/log.ts";

export interface GuestLine {
  readonly level: LogLevel;
  /** Hostile: the guest's own words, or names of it in a remark. */
  readonly text: string;
  /** The agent's words about the guest. */
  readonly isRemark?: true;
}

const MAX_LINES = 1000;

export class GuestLines implements Log {
  readonly debugEnabled = true;
  #lines: GuestLine[] = [];

  /** The lines since the last call. */
  take(): readonly GuestLine[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  error(message: string, fields?: LogFields): void {
    this.#keep("error", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#keep("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#keep("info", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#keep("debug", message, fields);
  }

  #keep(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (this.#lines.length >= MAX_LINES) return;
    const text = lineText(message, fields);
    this.#lines.push(typeof fields["text"] === "string" ? { level, text } : { level, text, isRemark: true });
  }
}

/** Guest output travels in the field `text`; what the agent remarks has its facts in other fields. */
function lineText(message: string, fields: LogFields): string {
  if (typeof fields["text"] === "string") return fields["text"];
  const facts = ["function", "header", "reason"]
    .map((name) => fields[name])
    .filter((fact) => fact !== undefined);
  return facts.length === 0 ? message : `${message}: ${facts.join(", ")}`;
}
