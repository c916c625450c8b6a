/** Why an instance that broke in a call has to be replaced, as the metrics tell it. */

import { EventFailure, type FailureCode } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { ReplacementReason } from "../telemetry/metrics/module-metrics.ts";

const TRAPS: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "guest-trap",
  "guest-stack-overflow",
  "guest-exit",
  "guest-abort",
  "guest-alloc-failed",
]);

/** A call that broke its instance and has a verdict all the same trapped after it, while it freed memory. */
export function reasonOf(outcome: Verdict | EventFailure): ReplacementReason {
  if (!(outcome instanceof EventFailure) || TRAPS.has(outcome.code)) return "trap";
  return outcome.code === "guest-deadline" ? "deadline" : "violation";
}
