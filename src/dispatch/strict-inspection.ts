/**
 * Requests by which a client gets past a guest that inspects bodies or WebSocket frames, refused at their headers,
 * before the upstream sees anything of them (docs/agent-protocol.md 9.8, 11.4):
 *
 * - an upgrade to WebSocket with a body, which no event ever shows;
 * - an upgrade at all where response bodies are inspected: the response has no body event, whatever it turns out to be;
 * - an offer of `permessage-deflate` where frames are inspected: the proxy then lets all frames of the socket through.
 */

import type { EventKind, HeaderMap, RequestHeadersEvent } from "../event/event.ts";
import { NO_HEADER_OPS } from "../event/header-ops.ts";
import { NO_AUDIT, type Verdict } from "../event/verdict.ts";
import type { EventPlan } from "../exchange/event-plan.ts";

const STATUS = 403;
const BODY = "This request cannot be inspected";
const TAG = "strict-inspection";

const INSPECTING_KINDS: readonly EventKind[] = [
  "request-body-chunk",
  "response-body-chunk",
  "websocket-frame",
];

const UPGRADE_WITH_BODY = refusal("upgrade-with-body");
const UPGRADE_HIDES_RESPONSE = refusal("upgrade-hides-response-body");
const COMPRESSED_FRAMES = refusal("compressed-websocket-frames");

/** The verdict that refuses the request; null lets it go to the guest. Decodes the headers. */
export function refuseUninspectable(event: RequestHeadersEvent, plan: EventPlan): Verdict | null {
  if (!INSPECTING_KINDS.some((kind) => plan.expects(kind))) return null;
  const headers = event.headers;
  if (!headerValue(headers, "upgrade").toLowerCase().includes("websocket")) return null;
  if (hasBody(event.method, headers)) return UPGRADE_WITH_BODY;
  if (plan.expects("response-body-chunk")) return UPGRADE_HIDES_RESPONSE;
  const extensions = headerValue(headers, "sec-websocket-extensions").toLowerCase();
  return plan.expects("websocket-frame") && extensions.includes("permessage-deflate")
    ? COMPRESSED_FRAMES
    : null;
}

function hasBody(method: string, headers: HeaderMap): boolean {
  if (method !== "GET" || headerValue(headers, "transfer-encoding") !== "") return true;
  return !/^0*$/.test(headerValue(headers, "content-length"));
}

/** All values of a name, in whatever case it came. */
function headerValue(headers: HeaderMap, wanted: string): string {
  let value = "";
  for (const name in headers) {
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    value += (value === "" ? "" : ",") + headers[name]!.join(",");
  }
  return value;
}

function refusal(reasonCode: string): Verdict {
  return Object.freeze({
    decision: { kind: "block", status: STATUS, body: BODY },
    requestHeaders: NO_HEADER_OPS,
    responseHeaders: NO_HEADER_OPS,
    audit: { ...NO_AUDIT, tags: [TAG], reasonCodes: [reasonCode] },
    routingMetadata: null,
  } as const);
}
