/**
 * Failures of one event: every way in which it can end without a verdict of the guest.
 *
 * Each has a stable code (documented in docs/errors.md; codes are API, messages may improve). A failure is data, and
 * the failure policy (dispatch/failure-policy.ts) is the only place that turns it into a verdict.
 */

export const FAILURE_CODES = [
  "guest-trap",
  "guest-stack-overflow",
  "guest-deadline",
  "guest-exit",
  "guest-abort",
  "guest-host-call",
  "guest-alloc-failed",
  "guest-alloc-out-of-bounds",
  "guest-result-out-of-bounds",
  "guest-result-too-large",
  "guest-result-not-utf8",
  "guest-result-not-json",
  "guest-result-shape",
  "guest-decision-unknown",
  "guest-decision-undefined",
  "guest-status-range",
  "guest-header-name",
  "guest-header-value",
  "guest-builtin-limit",
  "guest-configuration-refused",
  "guest-no-instance",
  "guest-forbidden-call",
  "guest-not-carried",
  "guest-body-not-replaceable",
  "guest-body-not-text",
  "guest-body-length",
  "guest-body-missed",
  "guest-body-memory",
  "exchange-unknown",
  "exchange-lost",
  "queue-timeout",
  "event-undecodable",
  "event-lost",
  "agent-internal",
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

export interface FailureOptions {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, string | number>>;
  readonly elapsedMs?: number;
}

/** What went wrong with one event. Thrown inside a slot, carried as a value everywhere else. */
export class EventFailure extends Error {
  override readonly name = "EventFailure";
  readonly code: FailureCode;
  /** Plain facts for the log line: guest function, input size, fuel used. */
  readonly details: Readonly<Record<string, string | number>>;
  /** Of a missed deadline: how much of the event's time was gone when the guest was stopped. 0 for other failures. */
  readonly elapsedMs: number;

  constructor(code: FailureCode, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.elapsedMs = options.elapsedMs ?? 0;
  }

  /** The same failure under a code that its surroundings make more precise, with more details. */
  restated(code: FailureCode, details: Readonly<Record<string, string | number>>): EventFailure {
    return new EventFailure(code, this.message, {
      cause: this.cause,
      details: { ...this.details, ...details },
      elapsedMs: this.elapsedMs,
    });
  }
}
