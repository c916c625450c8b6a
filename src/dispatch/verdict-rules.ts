/**
 * Rules that a verdict must obey for the proxy to carry it, whichever ABI it came from. What the proxy would drop
 * without a word becomes a failure with a sentence.
 */

import type { ProxyEvent } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Log } from "../telemetry/log.ts";
import { checkReplacement } from "./body-rules.ts";
import { HeaderSafety } from "./header-safety.ts";

/** RFC 6455, 7.4.1: a message violates the endpoint's policy. */
const POLICY_VIOLATION = 1008;
/** RFC 6455, 5.5: what a close frame has room for, beside its code. */
const MAX_REASON_BYTES = 123;

const ALLOW_AND_CONTINUE: Verdict = Object.freeze({ ...PLAIN_ALLOW, needsMore: true });

export class VerdictRules {
  readonly #headers: HeaderSafety;

  constructor(log: Log) {
    this.#headers = new HeaderSafety(log);
  }

  apply(verdict: Verdict, event: ProxyEvent, exchange: Exchange | null): Verdict | EventFailure {
    switch (event.kind) {
      case "request-headers":
      case "response-headers":
      case "guardrail-inspect":
      case "request-complete":
        return this.#headers.apply(verdict);
      case "request-body-chunk":
      case "response-body-chunk": {
        if (verdict.decision.kind !== "allow") return this.#headers.apply(verdict);
        const failure = checkReplacement(event, verdict.replacement ?? null, exchange);
        if (failure !== null) return failure;
        const isStreamed = event.kind === "request-body-chunk" && event.totalBytes === null;
        return isStreamed && !event.isLast ? this.#continued(verdict) : this.#headers.apply(verdict);
      }
      case "websocket-frame":
        return withFrameDecision(verdict);
      default:
        return event satisfies never;
    }
  }

  /** Asks for the event that announces the end of the body, which a chunked upload has only then. */
  #continued(verdict: Verdict): Verdict {
    if (verdict === PLAIN_ALLOW) return ALLOW_AND_CONTINUE;
    return { ...this.#headers.apply(verdict), needsMore: true };
  }
}

/** A proxy looks at nothing but the frame's own decision, so a refusal has to be one. */
function withFrameDecision(verdict: Verdict): Verdict {
  if (verdict.frame !== undefined || verdict.decision.kind === "allow") return verdict;
  const body = verdict.decision.kind === "block" ? (verdict.decision.body ?? "") : "";
  const reason = Buffer.byteLength(body) <= MAX_REASON_BYTES ? body : "";
  return { ...verdict, frame: { kind: "close", code: POLICY_VIOLATION, reason } };
}
