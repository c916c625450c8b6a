/** What `--verbose` says of each event: one line when it comes, one with its verdict. */

import type { ProxyEvent } from "../event/event.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log, LogFields } from "../telemetry/log.ts";

export function logEvent(log: Log, event: ProxyEvent): void {
  log.debug("event", {
    correlation_id: event.correlationId,
    event: event.kind,
    ...factsOf(event),
  });
}

export function logVerdict(
  log: Log,
  event: ProxyEvent,
  verdict: Verdict,
  ms: number,
  isCancelled: boolean,
): void {
  log.debug("verdict", {
    correlation_id: event.correlationId,
    event: event.kind,
    decision: verdict.decision.kind,
    tags: verdict.audit.tags.join(","),
    us: Math.round(ms * 1000),
    answered: !isCancelled,
  });
}

function factsOf(event: ProxyEvent): LogFields {
  switch (event.kind) {
    case "request-headers":
      return { method: event.method, uri: event.uri };
    case "response-headers":
    case "request-complete":
      return { status: event.status };
    case "request-body-chunk":
    case "response-body-chunk":
      return { bytes: event.bytes.length, chunk_index: event.chunkIndex, is_last: event.isLast };
    case "websocket-frame":
      return { opcode: event.opcode, bytes: event.bytes.length, client_to_server: event.isFromClient };
    case "guardrail-inspect":
      return { inspection_type: event.inspectionType };
    default:
      return event satisfies never;
  }
}
