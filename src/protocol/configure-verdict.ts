/**
 * The answer to a configuration (docs/agent-protocol.md 13): allow accepts, anything else makes a 0.6.54 proxy drop the
 * connection and write the block's body to its log as the reason.
 */

import type { ConfigureOutcome } from "../event/event-sink.ts";
import { auditText } from "./audit-text.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";

export function configureVerdict(outcome: ConfigureOutcome): Verdict {
  if (outcome.accepted) return PLAIN_ALLOW;
  return {
    ...PLAIN_ALLOW,
    decision: { kind: "block", status: 500, body: `Configuration rejected: ${auditText(outcome.reason)}` },
  };
}
