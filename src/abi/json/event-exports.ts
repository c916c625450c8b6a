/** The exports by which guests of the JSON ABI handle events, and the types they must have (docs/design.md). */

import type { EventKind } from "../../event/event.ts";

export interface EventExport {
  readonly kind: EventKind;
  readonly name: string;
  readonly signature: string;
  /** The event's bytes are two further parameters. */
  readonly takesBytes: boolean;
}

const JSON_HANDLER = "(i32, i32) -> i64";
const BYTES_HANDLER = "(i32, i32, i32, i32) -> i64";
export const SILENT_HANDLER = "(i32, i32) -> ()";

export const EVENT_EXPORTS: readonly EventExport[] = [
  { kind: "request-headers", name: "on_request_headers", signature: JSON_HANDLER, takesBytes: false },
  { kind: "request-body-chunk", name: "on_request_body", signature: BYTES_HANDLER, takesBytes: true },
  { kind: "response-headers", name: "on_response_headers", signature: JSON_HANDLER, takesBytes: false },
  { kind: "response-body-chunk", name: "on_response_body", signature: BYTES_HANDLER, takesBytes: true },
  { kind: "websocket-frame", name: "on_websocket_frame", signature: BYTES_HANDLER, takesBytes: true },
  { kind: "guardrail-inspect", name: "on_guardrail", signature: JSON_HANDLER, takesBytes: false },
  { kind: "request-complete", name: "on_request_complete", signature: SILENT_HANDLER, takesBytes: false },
];

/** A module needs one of these; they are the contract of the Rust agent. */
export const HEADER_HANDLERS: readonly string[] = ["on_request_headers", "on_response_headers"];
