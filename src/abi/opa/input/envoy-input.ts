/**
 * `input` as OPA's plug-in for Envoy shows it (https://www.openpolicyagent.org/docs/envoy/primer): most policies for
 * proxies are written for it.
 */

import type { HeaderMap, RequestHeadersEvent, ResponseHeadersEvent } from "../../../event/event.ts";
import { bareAddress } from "../../json/client-address.ts";
import { bodyText, parseBody, type RequestBody } from "./parsed-body.ts";
import { formObject, hostOf, parseForm, pathSegments, splitUri } from "./request-parts.ts";

const PSEUDO = 58;
const VERSION = '"version":{"ext_authz":"v3","encoding":"protojson"}';

/** JSON. @throws BadRequest */
export function envoyInput(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): string {
  const { path, query } = splitUri(event.uri);
  const { parsed, isTruncated } = parseBody(event.headers, body);
  return `{"attributes":{${attributes(event, body, response)}},"parsed_path":${JSON.stringify(pathSegments(path))},"parsed_query":${formObject(parseForm(query))},"parsed_body":${parsed},"truncated_body":${isTruncated},${VERSION}}`;
}

function attributes(
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
): string {
  const { metadata } = event;
  const address = `{"address":${JSON.stringify(bareAddress(metadata.clientAddress))},"portValue":${metadata.clientPort}}`;
  const answer =
    response === null
      ? ""
      : `,"response":{"status":${response.status},"headers":${plainHeaders(response.headers)}}`;
  return `"source":{"address":{"socketAddress":${address}}},"request":{"time":${JSON.stringify(metadata.timestamp)},"http":{${http(event, body)}}}${answer},"metadataContext":{}`;
}

function http(event: RequestHeadersEvent, body: RequestBody | null): string {
  const host = JSON.stringify(hostOf(event));
  const method = JSON.stringify(event.method);
  const path = JSON.stringify(event.uri);
  let headers = `":authority":${host},":method":${method},":path":${path}`;
  for (const name in event.headers) {
    if (name === "host" || name.charCodeAt(0) === PSEUDO) continue;
    headers += `,${JSON.stringify(name)}:${value(event.headers[name]!)}`;
  }
  const text =
    body === null || body.bytes.length === 0
      ? ""
      : `,"body":${JSON.stringify(bodyText(body.bytes))},"size":${body.bytes.length}`;
  return `"id":${JSON.stringify(event.correlationId)},"method":${method},"headers":{${headers}},"path":${path},"host":${host},"protocol":${JSON.stringify(event.metadata.httpVersion)}${text}`;
}

function plainHeaders(headers: HeaderMap): string {
  let text = "";
  for (const name in headers) text += `,${JSON.stringify(name)}:${value(headers[name]!)}`;
  return `{${text.slice(1)}}`;
}

function value(values: readonly string[]): string {
  return JSON.stringify(values.length === 1 ? values[0] : values.join(","));
}
