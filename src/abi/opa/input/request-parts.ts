/** The parts of a request that several shapes of input have: its path, its query, its framing. */

import type { HeaderMap, RequestHeadersEvent } from "../../../event/event.ts";

/** A request that no shape of input can show. It is refused with status 400, as OPA's plug-in for Envoy does. */
export class BadRequest {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

export interface SplitUri {
  readonly path: string;
  /** Without the question mark; empty without a query. */
  readonly query: string;
}

export function splitUri(uri: string): SplitUri {
  const hash = uri.indexOf("#");
  const sent = hash < 0 ? uri : uri.slice(0, hash);
  const mark = sent.indexOf("?");
  return mark < 0 ? { path: sent, query: "" } : { path: sent.slice(0, mark), query: sent.slice(mark + 1) };
}

/** Decoded, without leading slashes. @throws BadRequest for an escape that is none. */
export function pathSegments(path: string): readonly string[] {
  return decodePath(path).replace(/^\/+/, "").split("/");
}

export function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  const decoded = decodePercent(path);
  if (decoded === null) throw new BadRequest("the path has a % without two hexadecimal digits");
  return decoded;
}

/** Values by name, as HTML forms encode them. What is malformed is left out, as Go's net/url does. */
export function parseForm(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  if (text === "") return values;
  for (const pair of text.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const equals = pair.indexOf("=");
    const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : decodeForm(pair.slice(equals + 1));
    if (name === null || value === null) continue;
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return values;
}

function decodeForm(text: string): string | null {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  return spaced.includes("%") ? decodePercent(spaced) : spaced;
}

const ESCAPES = /%[0-9a-fA-F]{2}/;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})/;

/** Bytes that are not UTF-8 become U+FFFD. Null for an escape that is none. */
function decodePercent(text: string): string | null {
  if (BAD_ESCAPE.test(text)) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return decodeBytes(text);
  }
}

function decodeBytes(text: string): string {
  const parts: Buffer[] = [];
  let rest = text;
  for (let at = rest.search(ESCAPES); at >= 0; at = rest.search(ESCAPES)) {
    parts.push(Buffer.from(rest.slice(0, at)), Buffer.from(rest.slice(at + 1, at + 3), "hex"));
    rest = rest.slice(at + 3);
  }
  parts.push(Buffer.from(rest));
  return Buffer.concat(parts).toString("utf8");
}

/** A form as an object of lists, with any names. */
export function formObject(values: ReadonlyMap<string, readonly string[]>): string {
  if (values.size === 0) return "{}";
  let text = "";
  for (const [name, list] of values) text += `,${JSON.stringify(name)}:${JSON.stringify(list)}`;
  return `{${text.slice(1)}}`;
}

export function joined(headers: HeaderMap, name: string): string | undefined {
  const values = headers[name];
  return values === undefined ? undefined : values.length === 1 ? values[0] : values.join(",");
}

export function hostOf({ headers, metadata }: RequestHeadersEvent): string {
  return joined(headers, "host") ?? joined(headers, ":authority") ?? metadata.serverName ?? "";
}

const LENGTH = /^[0-9]{1,15}$/;

/** The body that the request announces, in bytes; null for none, or for one whose length is not announced. */
export function announcedLength(headers: HeaderMap): number | null {
  const length = joined(headers, "content-length");
  return length !== undefined && LENGTH.test(length) ? Number(length) : null;
}
