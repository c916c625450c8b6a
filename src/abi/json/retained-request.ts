/** The request of an exchange as guests of the JSON ABI read it in later events: their JSON, and the id of the route. */

import type { RequestHeadersEvent } from "../../event/event.ts";
import type { RetainedRequest } from "../../event/retained-request.ts";
import { bareAddress } from "../client-address.ts";
import { canonicalHeaderName } from "./header-case.ts";
import { joinedHeaders, setOwn } from "./input-encoder.ts";

/** The value of the key `request` in a later event. */
export function encodeRequest(request: RetainedRequest, canonicalHeaderCase: boolean): string {
  if (request.kind === "request-headers") return encodeFields(request, canonicalHeaderCase);
  return canonicalHeaderCase ? withCanonicalNames(request.json) : request.json;
}

function encodeFields(event: RequestHeadersEvent, canonicalHeaderCase: boolean): string {
  return JSON.stringify({
    method: event.method,
    uri: event.uri,
    client_ip: bareAddress(event.metadata.clientAddress),
    correlation_id: event.correlationId,
    headers: joinedHeaders(event.headers, canonicalHeaderCase),
    route_id: event.metadata.routeId,
  });
}

function withCanonicalNames(json: string): string {
  const request = JSON.parse(json) as { headers: Record<string, string> };
  const headers: Record<string, string> = {};
  for (const name in request.headers) setOwn(headers, canonicalHeaderName(name), request.headers[name]!);
  return JSON.stringify({ ...request, headers });
}
