/**
 * The log of a developer's session. What a guest writes is kept for the event it belongs to, which is exact because in
 * a session events run one after the other on one thread; the agent's own words go to whoever shows them.
 */

import type { GuestLine } from "../guest-lines.ts";
import type { Log, LogFields, LogLevel } from "../../telemetry/log.ts";
import { GUEST_OUTPUT } from "../../wasm/imports/guest-output.ts";

export interface Notice {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const MAX_LINES = 200;

export class DevLog implements Log {
  /** Guests' debug lines are wanted; the agent's own are dropped below. */
  readonly debugEnabled = true;
  readonly #onNotice: (notice: Notice) => void;
  #lines: GuestLine[] = [];

  constructor(onNotice: (notice: Notice) => void) {
    this.#onNotice = onNotice;
  }

  /** What guests wrote since the last call. */
  takeLines(): readonly GuestLine[] {
    const lines = this.#lines;
    if (lines.length > 0) this.#lines = [];
    return lines;
  }

  error(message: string, fields: LogFields = {}): void {
    this.#write("error", message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#write("warn", message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#write("info", message, fields);
  }

  debug(message: string, fields: LogFields = {}): void {
    if (message === GUEST_OUTPUT) this.#write("debug", message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogFields): void {
    if (message === GUEST_OUTPUT) {
      if (this.#lines.length < MAX_LINES) {
        this.#lines.push({ level, text: String(fields["text"]) });
      }
      return;
    }
    // A failed event is shown as such, with its reason.
    if (fields["correlation_id"] !== undefined) return;
    this.#onNotice({ level, message, fields });
  }
}
