/**
 * The one message that an agent sends unasked: a pushed configuration could not be applied, or not all of it. The proxy
 * writes it to its log as an error; there is no reply (docs/agent-protocol.md 3.8).
 */

import type { ConfigProblem, ConfigureOutcome } from "../../event/event-sink.ts";
import { auditText } from "../audit-text.ts";

const MAX_ERROR_LENGTH = 1000;

/** A connection gets one configuration from a real proxy. More problems than these are not sent. */
const MAX_REPORTS = 16;

/** What one connection was told already: the same problem is sent to it once. */
export class ConfigErrorReports {
  readonly #sent = new Set<string>();

  /** The payload to send; null when there is nothing to say, or it was said. */
  payloadFor(outcome: ConfigureOutcome, nowMs: number): string | null {
    const problem = problemOf(outcome);
    if (problem === null || this.#sent.size >= MAX_REPORTS) return null;
    const { error, field } = problem;
    const update = {
      type: "config_error",
      error: auditText(error).slice(0, MAX_ERROR_LENGTH).toWellFormed(),
      ...(field === null ? {} : { field }),
    };
    const key = JSON.stringify(update);
    if (this.#sent.has(key)) return null;
    this.#sent.add(key);
    // Not the id of the configuration, which is of the peer's choice and of any length.
    const requestId = `config-error-${this.#sent.size}`;
    return JSON.stringify({ update_type: update, request_id: requestId, timestamp_ms: nowMs });
  }
}

function problemOf(outcome: ConfigureOutcome): ConfigProblem | null {
  return outcome.accepted ? (outcome.problem ?? null) : { error: outcome.reason, field: null };
}
