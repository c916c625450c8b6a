/**
 * The parts of an answer that only one kind of event knows: body mutations, the request for more, decisions on
 * WebSocket frames, and detections (docs/agent-protocol.md). Members of the response envelope, each with its comma.
 */

import type { BodyEvent, ProxyEvent } from "../event/event.ts";
import type { Detection, FrameDecision, Verdict } from "../event/verdict.ts";
import { auditJson } from "./audit-text.ts";

/** Null for a verdict that says nothing beyond what every kind of event can carry. */
export function encodeKindMembers(verdict: Verdict, event: ProxyEvent): string | null {
  let members = "";
  if (verdict.replacement !== undefined && isBody(event))
    members += encodeMutation(verdict.replacement, event);
  if (verdict.needsMore === true) members += ',"needs_more":true';
  if (verdict.frame !== undefined) members += `,"websocket_decision":${encodeFrame(verdict.frame)}`;
  return members === "" ? null : members;
}

/** The value of `routing_metadata.guardrail_response`, a JSON text within JSON. */
export function encodeDetections(detections: readonly Detection[]): string {
  const confidences = detections.map(({ confidence }) => confidence ?? 0);
  return auditJson({
    detected: detections.length > 0,
    confidence: Math.max(0, ...confidences),
    detections: detections.map(({ category, description, severity, confidence, span }) => ({
      category,
      description,
      severity,
      ...(confidence === null ? {} : { confidence }),
      ...(span === null ? {} : { span }),
    })),
  });
}

/** Towards the upstream a proxy takes the text as it is; towards the client it decodes base64. */
function encodeMutation(replacement: Uint8Array, event: BodyEvent): string {
  const bytes = Buffer.from(replacement.buffer, replacement.byteOffset, replacement.byteLength);
  const isRequest = event.kind === "request-body-chunk";
  const data = isRequest ? JSON.stringify(bytes.toString("utf8")) : `"${bytes.toString("base64")}"`;
  const key = isRequest ? "request_body_mutation" : "response_body_mutation";
  return `,"${key}":{"data":${data},"chunk_index":${event.chunkIndex}}`;
}

function encodeFrame(frame: FrameDecision): string {
  if (frame.kind !== "close") return `"${frame.kind}"`;
  return `{"close":{"code":${frame.code},"reason":${JSON.stringify(frame.reason)}}}`;
}

function isBody(event: ProxyEvent): event is BodyEvent {
  return event.kind === "request-body-chunk" || event.kind === "response-body-chunk";
}
