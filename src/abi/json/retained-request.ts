/** The request of an exchange as guests of the JSON ABI read it in later events: their JSON, and the id of the route. */

import type { RequestHeadersEvent } from "../../event/event.ts";
import type { RetainedRequest } from "../../event/retained-request.ts";
import { bareAddress } from "./client-address.ts";
import { canonicalHeaderName } from "./header-case.ts";
import { joinedHeaders, setOwn } from "./input-encoder.ts";

const ROUTE_KEY = '"route_id":"';
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Adds the route's id, which stands in the metadata of the event's JSON, to the guests' text. Quotes within strings
 * are escaped, so the key can be found without parsing: no client can write it.
 */
export function withRouteId(guestJson: string, eventJson: string): string {
  const at = eventJson.indexOf(ROUTE_KEY);
  if (at < 0) return `${guestJson.slice(0, -1)},"route_id":null}`;
  const start = at + ROUTE_KEY.length - 1;
  let end = start + 1;
  for (let code = eventJson.charCodeAt(end); code !== QUOTE; code = eventJson.charCodeAt(end)) {
    end += code === BACKSLASH ? 2 : 1;
  }
  return `${guestJson.slice(0, -1)},"route_id":${eventJson.slice(start, end + 1)}}`;
}

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
