/**
 * Properties: facts about request, response and connection under the paths that Envoy gives them (docs/proxy-wasm.md 7).
 * Whatever a proxy does not tell is not found, which every filter must expect.
 */

import type { RequestHeadersEvent, ResponseHeadersEvent } from "../../event/event.ts";
import { clientEndpoint } from "../client-address.ts";
import type { HeaderMap } from "./header-map.ts";
import { firstValue, hostOf, schemeOf } from "./message-headers.ts";
import type { PluginConfiguration } from "./plugin-configuration.ts";

/** Texts are given as their bytes, numbers as 64-bit integers, maps in the form of header maps. */
export type PropertyValue = string | bigint | HeaderMap;

/** What is known of an exchange so far. */
export interface ExchangeFacts {
  readonly request: RequestHeadersEvent | null;
  readonly response: ResponseHeadersEvent | null;
  readonly requestHeaders: HeaderMap | null;
  readonly responseHeaders: HeaderMap | null;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  readonly replyDetails: string;
  /** Since the request headers came; null before the end of the exchange. */
  readonly durationMs: number | null;
}

export interface PluginFacts {
  readonly configuration: PluginConfiguration;
  readonly memoryBytes: number;
}

type Reader<Facts> = (facts: Facts) => PropertyValue | null | undefined;

const NS_PER_MS = 1_000_000n;

const PLUGIN: ReadonlyMap<string, Reader<PluginFacts>> = new Map<string, Reader<PluginFacts>>([
  ["plugin_name", ({ configuration }) => configuration.pluginName],
  ["plugin_root_id", ({ configuration }) => configuration.rootId],
  ["plugin_vm_id", ({ configuration }) => configuration.vmId],
  ["plugin_vm_memory", ({ memoryBytes }) => BigInt(memoryBytes)],
]);

const REQUEST: ReadonlyMap<string, Reader<RequestHeadersEvent>> = new Map<
  string,
  Reader<RequestHeadersEvent>
>([
  ["request.path", ({ uri }) => uri],
  ["request.url_path", ({ uri }) => splitUri(uri).path],
  ["request.query", ({ uri }) => splitUri(uri).query],
  ["request.url", (request) => `${schemeOf(request)}://${hostOf(request)}${request.uri}`],
  ["request.host", hostOf],
  ["request.scheme", schemeOf],
  ["request.method", ({ method }) => method],
  ["request.referer", ({ headers }) => firstValue(headers, "referer")],
  ["request.useragent", ({ headers }) => firstValue(headers, "user-agent")],
  ["request.id", ({ headers }) => firstValue(headers, "x-request-id")],
  ["x_request_id", ({ headers }) => firstValue(headers, "x-request-id")],
  ["request.protocol", ({ metadata }) => metadata.httpVersion],
  ["request.time", ({ metadata }) => nanosecondsOf(metadata.timestamp)],
  ["source.address", ({ metadata }) => clientEndpoint(metadata.clientAddress, metadata.clientPort)],
  ["source.port", (request) => portOf(request)],
  ["connection.tls_version", ({ metadata }) => metadata.tlsVersion],
  ["connection.requested_server_name", ({ metadata }) => metadata.serverName],
  ["route_name", ({ metadata }) => metadata.routeId],
  ["cluster_name", ({ metadata }) => metadata.upstreamId],
]);

const EXCHANGE: ReadonlyMap<string, Reader<ExchangeFacts>> = new Map<string, Reader<ExchangeFacts>>([
  ["request.headers", ({ requestHeaders }) => requestHeaders],
  ["request.size", ({ requestBodyBytes }) => BigInt(requestBodyBytes)],
  ["request.total_size", (facts) => totalBytes(facts.request?.headers, facts.requestBodyBytes)],
  [
    "request.duration",
    ({ durationMs }) => (durationMs === null ? null : BigInt(Math.round(durationMs * 1000)) * 1000n),
  ],
  ["response.code", ({ response }) => (response === null ? null : BigInt(response.status))],
  ["response.status", ({ response }) => (response === null ? null : BigInt(response.status))],
  ["response.headers", ({ responseHeaders }) => responseHeaders],
  [
    "response.size",
    ({ response, responseBodyBytes }) => (response === null ? null : BigInt(responseBodyBytes)),
  ],
  [
    "response.total_size",
    ({ response, responseBodyBytes }) =>
      response === null ? null : totalBytes(response.headers, responseBodyBytes),
  ],
  ["response.code_details", ({ replyDetails }) => (replyDetails === "" ? null : replyDetails)],
]);

const REQUEST_HEADER = "request.headers.";
const RESPONSE_HEADER = "response.headers.";

/** `path` as the guest gives it, its parts separated by zero bytes. Null for what is not known. */
export function readProperty(
  path: string,
  plugin: PluginFacts,
  exchange: ExchangeFacts | null,
): PropertyValue | null {
  const dotted = path.replaceAll("\0", ".");
  const own = PLUGIN.get(dotted);
  if (own !== undefined) return own(plugin) ?? null;
  if (exchange === null) return null;
  if (dotted.startsWith(REQUEST_HEADER))
    return exchange.requestHeaders?.first(dotted.slice(REQUEST_HEADER.length)) ?? null;
  if (dotted.startsWith(RESPONSE_HEADER))
    return exchange.responseHeaders?.first(dotted.slice(RESPONSE_HEADER.length)) ?? null;
  const ofExchange = EXCHANGE.get(dotted);
  if (ofExchange !== undefined) return ofExchange(exchange) ?? null;
  const ofRequest = REQUEST.get(dotted);
  return exchange.request === null ? null : (ofRequest?.(exchange.request) ?? null);
}

function splitUri(uri: string): { readonly path: string; readonly query: string } {
  const at = uri.indexOf("?");
  return at < 0 ? { path: uri, query: "" } : { path: uri.slice(0, at), query: uri.slice(at + 1) };
}

function portOf({ metadata }: RequestHeadersEvent): bigint | null {
  const endpoint = clientEndpoint(metadata.clientAddress, metadata.clientPort);
  return endpoint === null ? null : BigInt(endpoint.slice(endpoint.lastIndexOf(":") + 1));
}

function nanosecondsOf(timestamp: string): bigint | null {
  const ms = Date.parse(timestamp);
  return Number.isNaN(ms) ? null : BigInt(ms) * NS_PER_MS;
}

/** Approximately what the message had on the wire. */
function totalBytes(
  headers: Readonly<Record<string, readonly string[]>> | undefined,
  bodyBytes: number,
): bigint {
  let total = bodyBytes;
  for (const name in headers) for (const value of headers[name]!) total += name.length + value.length;
  return BigInt(total);
}
