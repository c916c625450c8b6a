/**
 * Log lines of failed events: each names code, reason and request; the same failure is written at most once a second,
 * with a count of those held back.
 */

import type { EventFailure } from "../event/failure.ts";
import type { Log } from "../telemetry/log.ts";
import { RateLimitedLog } from "../telemetry/rate-limited-log.ts";

export class FailureReport {
  readonly #log: RateLimitedLog;

  constructor(log: Log) {
    this.#log = new RateLimitedLog(log);
  }

  report(failure: EventFailure, correlationId: string, failOpen: boolean): void {
    this.#log.write("error", `${failure.code} ${failure.message}`, failure.message, {
      code: failure.code,
      correlation_id: correlationId,
      policy: failOpen ? "fail-open" : "fail-closed",
      ...failure.details,
    });
  }

  /** Writes the counts that no later line has carried. */
  flush(): void {
    this.#log.flush();
  }
}
