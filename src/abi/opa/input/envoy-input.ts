/**
 * `input` as OPA's plug-in for Envoy shows it (https://www.openpolicyagent.org/docs/envoy/primer): most policies for
 * proxies are written for it.
 */

import type { HeaderMap, RequestHeadersEvent, ResponseHeadersEvent } from "../../../event/event.ts";
import { bareAddress } from "../../client-address.ts";
import { setOwn } from "../../json/input-encoder.ts";
import { bodyText, parseBody, type RequestBody } from "./parsed-body.ts";
import { hostOf, parseForm, pathSegments, splitUri } from "./request-parts.ts";

const PSEUDO = 58;
const VERSION = { ext_authz: "v3", encoding: "protojson" } as const;

/** JSON. @throws BadRequest */
export function envoyInput(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): string {
  const { path, query } = splitUri(event.uri);
  const { parsed, isTruncated } = parseBody(event.headers, body);
  // One object, written at once: twice as quick as its parts one by one.
  const json = JSON.stringify({
    attributes: attributesOf(event, body, response),
    parsed_path: pathSegments(path),
    parsed_query: queryOf(query),
    truncated_body: isTruncated,
    version: VERSION,
  });
  return `${json.slice(0, -1)},"parsed_body":${parsed}}`;
}

function attributesOf(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): object {
  const { metadata } = event;
  const attributes = {
    source: {
      address: {
        socketAddress: { address: bareAddress(metadata.clientAddress), portValue: metadata.clientPort },
      },
    },
    request: { time: metadata.timestamp, http: httpOf(event, body) },
    metadataContext: {},
  };
  if (response === null) return attributes;
  return {
    ...attributes,
    response: { status: response.status, headers: joinedHeaders({}, response.headers) },
  };
}

function httpOf(event: RequestHeadersEvent, body: RequestBody | null): object {
  const host = hostOf(event);
  const http = {
    id: event.correlationId,
    method: event.method,
    headers: joinedHeaders(
      { ":authority": host, ":method": event.method, ":path": event.uri },
      event.headers,
      "host",
    ),
    path: event.uri,
    host,
    protocol: event.metadata.httpVersion,
  };
  if (body === null || body.bytes.length === 0) return http;
  return { ...http, body: bodyText(body.bytes), size: body.bytes.length };
}

/** Adds one string for each name. Pseudo-headers of old proxies are left out, as is `leftOut`. */
function joinedHeaders(
  joined: Record<string, string>,
  headers: HeaderMap,
  leftOut?: string,
): Record<string, string> {
  for (const name in headers) {
    if (name === leftOut || name.charCodeAt(0) === PSEUDO) continue;
    const values = headers[name]!;
    setOwn(joined, name, values.length === 1 ? values[0]! : values.join(","));
  }
  return joined;
}

function queryOf(query: string): object {
  const values: Record<string, readonly string[]> = {};
  if (query !== "") for (const [name, list] of parseForm(query)) setOwn(values, name, list);
  return values;
}
