/**
 * The state of one HTTP request with its response, from the first event to the end. Made only for who needs it: a
 * stateful guest, a guest that reads bodies or wants the request in later events, header operations that an older proxy
 * would drop.
 */

import { type HeaderOp, NO_HEADER_OPS } from "../event/header-ops.ts";
import {
  type RetainedRequest,
  type RequestFraming,
  readFraming,
  unitsOf,
} from "../event/retained-request.ts";
import type { Lease } from "./lease.ts";

/** How far the request body has got. */
export interface RequestBodyProgress {
  /** `head`: the first bytes of a body whose rest is streamed, which the proxy counts by itself. */
  stage: "none" | "head" | "pieces" | "ended";
  /** What the upstream has got, replacements counted. */
  forwardedBytes: number;
  /** Some of it is not what the client sent. */
  isReplaced: boolean;
}

export class Exchange {
  readonly correlationId: string;
  /** Null for an exchange that is only kept for its header operations. */
  readonly request: RetainedRequest | null;
  /** Milliseconds on the table's clock, when the last event came. */
  lastEventAtMs: number;
  lease: Lease | null = null;
  /** Response-header operations of the request phase, which the proxy drops and the response event has to carry. */
  deferredOps: readonly HeaderOp[] = NO_HEADER_OPS;
  readonly requestBody: RequestBodyProgress = { stage: "none", forwardedBytes: 0, isReplaced: false };
  isEnded = false;
  /** What the table has counted for it. */
  accountedUnits = 0;
  #framing: RequestFraming | null = null;

  constructor(correlationId: string, request: RetainedRequest | null, nowMs: number) {
    this.correlationId = correlationId;
    this.request = request;
    this.lastEventAtMs = nowMs;
  }

  /** How the client announced its body. Null when the request is not kept. */
  get framing(): RequestFraming | null {
    if (this.request === null) return null;
    this.#framing ??= readFraming(this.request);
    return this.#framing;
  }

  /** The announced length of the request body; null when there is none, or none that can be read. */
  get contentLength(): number | null {
    const text = this.framing?.contentLength ?? null;
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
  }

  /** Approximate memory of what is kept, in characters. */
  countUnits(): number {
    let units = this.correlationId.length;
    if (this.request !== null) units += unitsOf(this.request);
    for (const op of this.deferredOps) units += op.name.length + (op.op === "remove" ? 0 : op.value.length);
    return units;
  }
}
