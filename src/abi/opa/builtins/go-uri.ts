/** Go's url.Parse, as far as `uri.parse` shows of it (https://pkg.go.dev/net/url#Parse). */

import { bytesOf } from "../values/rego-value.ts";
import { UndefinedResult } from "./builtin.ts";
import { parseAddress } from "./ip-address.ts";
import { percentDecode } from "./go-url.ts";

/** Empty strings are parts that the URI does not have. */
export interface GoUri {
  readonly scheme: string;
  readonly hostname: string;
  readonly port: string;
  /** Decoded. */
  readonly path: string;
  /** As written where Go would write it otherwise, else empty. */
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly fragment: string;
}

const CONTROL = /[\u0000-\u001f\u007f]/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*:/;
const PORT = /^(?::[0-9]*)?$/;
const USERINFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const HOST_CHARACTER = /^[A-Za-z0-9\-._~!"$&'()*+,:;<=>[\]\u0080-\u{10ffff}%]*$/u;
/** In a host, only bytes beyond ASCII may be escaped, and the percent sign of a zone. */
const ASCII_ESCAPE = /%(?!25)[0-7]/;
const PLAIN_IN_PATH = /[A-Za-z0-9\-_.~$&+,/:;=@]/;

const NO_URI: GoUri = {
  scheme: "",
  hostname: "",
  port: "",
  path: "",
  rawPath: "",
  rawQuery: "",
  fragment: "",
};

/** @throws UndefinedResult */
export function parseUri(text: string): GoUri {
  const [beforeFragment, fragment] = cut(text, "#");
  if (CONTROL.test(beforeFragment)) throw new UndefinedResult("invalid control character in URL");
  return { ...parseWithoutFragment(beforeFragment), fragment: percentDecode(fragment) };
}

function parseWithoutFragment(text: string): GoUri {
  if (text === "*") return { ...NO_URI, path: "*" };
  const [scheme, afterScheme] = splitScheme(text);
  const isForced = afterScheme.endsWith("?") && afterScheme.indexOf("?") === afterScheme.length - 1;
  const [beforeQuery, rawQuery] = isForced ? [afterScheme.slice(0, -1), ""] : cut(afterScheme, "?");
  if (!beforeQuery.startsWith("/")) {
    if (scheme !== "") return { ...NO_URI, scheme, rawQuery };
    if (cut(beforeQuery, "/")[0].includes(":")) {
      throw new UndefinedResult("first path segment in URL cannot contain colon");
    }
  }
  const hasAuthority = beforeQuery.startsWith("//") && (scheme !== "" || !beforeQuery.startsWith("///"));
  if (!hasAuthority) return { ...NO_URI, scheme, ...pathOf(beforeQuery), rawQuery };
  const slash = beforeQuery.indexOf("/", 2);
  const authority = slash < 0 ? beforeQuery.slice(2) : beforeQuery.slice(2, slash);
  const path = slash < 0 ? "" : beforeQuery.slice(slash);
  return { ...NO_URI, scheme, ...hostOf(scheme, authority), ...pathOf(path), rawQuery };
}

function splitScheme(text: string): [scheme: string, rest: string] {
  if (text.startsWith(":")) throw new UndefinedResult("missing protocol scheme");
  const match = SCHEME.exec(text);
  if (match === null) return ["", text];
  return [match[0].slice(0, -1).toLowerCase(), text.slice(match[0].length)];
}

function pathOf(written: string): { path: string; rawPath: string } {
  const path = percentDecode(written);
  return { path, rawPath: escapePath(path) === written ? "" : written };
}

function escapePath(path: string): string {
  let escaped = "";
  for (const byte of bytesOf(path)) {
    const character = String.fromCharCode(byte);
    escaped += PLAIN_IN_PATH.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

function hostOf(scheme: string, authority: string): { hostname: string; port: string } {
  const at = authority.lastIndexOf("@");
  const userinfo = authority.slice(0, Math.max(at, 0));
  if (!USERINFO.test(userinfo)) throw new UndefinedResult("invalid userinfo");
  percentDecode(userinfo);
  return splitPort(checkHost(scheme, authority.slice(at + 1)));
}

function checkHost(scheme: string, host: string): string {
  const bracket = host.lastIndexOf("[");
  if (bracket > 0) throw new UndefinedResult("invalid IP-literal");
  if (bracket === 0) return checkLiteral(host);
  const first = host.indexOf(":");
  const isStrict = scheme === "http" || scheme === "https";
  const colon = isStrict ? first : host.lastIndexOf(":");
  if (first >= 0 && !PORT.test(host.slice(colon))) throw new UndefinedResult("invalid port after host");
  return unescapeHost(host);
}

function checkLiteral(host: string): string {
  const end = host.lastIndexOf("]");
  if (end < 0) throw new UndefinedResult("missing ']' in host");
  if (!PORT.test(host.slice(end + 1))) throw new UndefinedResult("invalid port after host");
  const [address, zone] = cut(host.slice(1, end), "%25");
  const hasZone = host.slice(1, end).includes("%25");
  const parsed = parseAddress(unescapeHost(address));
  if (parsed === null || parsed.bits === 32 || (hasZone && zone === "")) {
    throw new UndefinedResult("invalid host");
  }
  return `[${unescapeHost(address)}${hasZone ? `%${percentDecode(zone)}` : ""}]${host.slice(end + 1)}`;
}

function unescapeHost(host: string): string {
  if (!HOST_CHARACTER.test(host) || ASCII_ESCAPE.test(host)) {
    throw new UndefinedResult("invalid character in host name");
  }
  return percentDecode(host);
}

function splitPort(host: string): { hostname: string; port: string } {
  const colon = host.lastIndexOf(":");
  const hasPort = colon >= 0 && PORT.test(host.slice(colon));
  const name = hasPort ? host.slice(0, colon) : host;
  const hostname = name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
  return { hostname, port: hasPort ? host.slice(colon + 1) : "" };
}

function cut(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
