/**
 * `input` as other integrations of OPA show it: Dapr's middleware (https://docs.dapr.io/reference/components-reference/supported-middleware/middleware-opa/)
 * and APISIX's plug-in (https://apisix.apache.org/docs/apisix/plugins/opa/); and the JSON ABI's event (docs/design.md 6.2).
 */

import type { HeaderMap, RequestHeadersEvent, ResponseHeadersEvent } from "../../../event/event.ts";
import { bareAddress } from "../../client-address.ts";
import { canonicalHeaderName } from "../../json/header-case.ts";
import { encodeInput, joinedHeaders, setOwn } from "../../json/input-encoder.ts";
import { encodeRequest } from "../../json/retained-request.ts";
import { bodyText, parseBody, type RequestBody } from "./parsed-body.ts";
import { decodePath, hostOf, joined, parseForm, splitUri } from "./request-parts.ts";

/** JSON. @throws BadRequest */
export function daprInput(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): string {
  const { path, query } = splitUri(event.uri);
  const decoded = decodePath(path);
  return JSON.stringify({
    request: {
      method: event.method,
      path: decoded,
      path_parts: decoded.replace(/^\/+|\/+$/g, "").split("/"),
      raw_query: query,
      query: queryLists(query),
      headers: joinedHeaders(event.headers, true),
      scheme: schemeOf(event),
      ...(body === null ? {} : { body: bodyText(body.bytes) }),
    },
    ...(response === null
      ? {}
      : { response: { status: response.status, headers: canonicalHeaders(response.headers) } }),
  });
}

/** JSON. @throws BadRequest */
export function apisixInput(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): string {
  const { path, query } = splitUri(event.uri);
  const { metadata } = event;
  const host = hostOf(event);
  return JSON.stringify({
    type: "http",
    request: {
      scheme: schemeOf(event),
      method: event.method,
      host: host.replace(/:\d+$/, ""),
      port: portOf(host, event),
      path: decodePath(path),
      headers: joinedHeaders(event.headers, false),
      query: queryValues(query),
      ...(body === null ? {} : { body: bodyText(body.bytes) }),
    },
    var: {
      remote_addr: bareAddress(metadata.clientAddress),
      remote_port: String(metadata.clientPort),
      timestamp: Math.floor(Date.parse(metadata.timestamp) / 1000),
    },
    ...(response === null
      ? {}
      : { response: { status: response.status, headers: joinedHeaders(response.headers, false) } }),
  });
}

/** JSON: the event as modules of the JSON ABI read it, with the body as text and parsed. @throws BadRequest */
export function jsonInput(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): string {
  const form = { canonicalHeaderCase: false, abiFlags: 0 };
  if (response !== null) {
    const { request: _, ...alone } = response;
    return `${encodeInput(alone, form).slice(0, -1)},"request":${encodeRequest(event, false)}}`;
  }
  const json = encodeInput(event, form);
  if (body === null) return json;
  const { parsed, isTruncated } = parseBody(event.headers, body);
  return `${json.slice(0, -1)},"body":${JSON.stringify(bodyText(body.bytes))},"parsed_body":${parsed},"truncated_body":${isTruncated}}`;
}

function queryLists(query: string): Record<string, readonly string[]> {
  const lists: Record<string, readonly string[]> = {};
  for (const [name, list] of parseForm(query)) setOwn(lists, name, list);
  return lists;
}

/** A list only where a name is given several times. */
function queryValues(query: string): Record<string, string | readonly string[]> {
  const values: Record<string, string | readonly string[]> = {};
  for (const [name, list] of parseForm(query)) setOwn(values, name, list.length === 1 ? list[0]! : list);
  return values;
}

function canonicalHeaders(headers: HeaderMap): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name in headers) setOwn(values, canonicalHeaderName(name), headers[name]!.join(","));
  return values;
}

function schemeOf({ headers, metadata }: RequestHeadersEvent): string {
  return joined(headers, "x-forwarded-proto") ?? (metadata.tlsVersion === null ? "http" : "https");
}

function portOf(host: string, event: RequestHeadersEvent): number {
  const port = /:(\d{1,5})$/.exec(host)?.[1];
  return port === undefined ? (schemeOf(event) === "https" ? 443 : 80) : Number(port);
}
