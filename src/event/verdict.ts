/**
 * The answer to one event, free of any wire spelling.
 *
 * Verdicts are immutable: the common ones are shared between requests.
 */

import { type HeaderOp, NO_HEADER_OPS } from "./header-ops.ts";

export type Decision =
  | { readonly kind: "allow" }
  /** `body` null leaves the text to the proxy; `""` asks for an empty one. */
  | { readonly kind: "block"; readonly status: number; readonly body: string | null }
  /** `location` null: the guest asked for a redirect without naming a target. */
  | { readonly kind: "redirect"; readonly status: number; readonly location: string | null };

export interface Audit {
  readonly tags: readonly string[];
  readonly ruleIds: readonly string[];
  /** Stable error codes of the agent, or reasons of the guest's own. */
  readonly reasonCodes: readonly string[];
  readonly confidence: number | null;
  /** Any JSON values; null when there are none. */
  readonly custom: Readonly<Record<string, unknown>> | null;
}

/** What becomes of a WebSocket frame. */
export type FrameDecision =
  | { readonly kind: "allow" }
  | { readonly kind: "drop" }
  /** A code of RFC 6455, 7.4, and at most 123 bytes of UTF-8. */
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

/** A finding in the text of a guardrail event. */
export interface Detection {
  readonly category: string;
  readonly description: string;
  readonly severity: "low" | "medium" | "high" | "critical";
  readonly confidence: number | null;
  /** Offsets into the inspected text. */
  readonly span: { readonly start: number; readonly end: number } | null;
}

export interface Verdict {
  readonly decision: Decision;
  readonly requestHeaders: readonly HeaderOp[];
  readonly responseHeaders: readonly HeaderOp[];
  readonly audit: Audit;
  readonly routingMetadata: Readonly<Record<string, string>> | null;
  /** For body events: these bytes take the place of the event's. Absent leaves them as they are. */
  readonly replacement?: Uint8Array;
  /** For streamed request bodies: the end of the body is to be announced. Only ever with allow. */
  readonly needsMore?: boolean;
  /** For WebSocket frames. */
  readonly frame?: FrameDecision;
  /** For guardrail events; absent means that nothing was looked for. */
  readonly detections?: readonly Detection[];
}

export const ALLOW: Decision = Object.freeze({ kind: "allow" });

export const NO_AUDIT: Audit = Object.freeze({
  tags: Object.freeze([]),
  ruleIds: Object.freeze([]),
  reasonCodes: Object.freeze([]),
  confidence: null,
  custom: null,
});

/** "No opinion": the answer to every event that nothing changes. Compared by identity on the hot path. */
export const PLAIN_ALLOW: Verdict = Object.freeze({
  decision: ALLOW,
  requestHeaders: NO_HEADER_OPS,
  responseHeaders: NO_HEADER_OPS,
  audit: NO_AUDIT,
  routingMetadata: null,
});
