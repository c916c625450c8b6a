/** URLs as Go's net/url reads and writes them (https://pkg.go.dev/net/url), which differs from the URL standard. */

import { bytesOf, stringOf } from "../values/rego-value.ts";
import { UndefinedResult } from "./builtin.ts";

const UNRESERVED = /[A-Za-z0-9\-_.~]/;
const ESCAPE = /%([0-9a-fA-F]{2})?/g;

/** As in a query: a space becomes `+`. */
export function queryEscape(text: string): string {
  let escaped = "";
  for (const byte of bytesOf(text)) {
    const character = String.fromCharCode(byte);
    if (UNRESERVED.test(character)) escaped += character;
    else if (byte === 0x20) escaped += "+";
    else escaped += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

/** @throws UndefinedResult for a `%` without two hexadecimal digits. */
export function queryUnescape(text: string): string {
  return percentDecode(text.replaceAll("+", " "));
}

/** Percent-decoding alone. @throws UndefinedResult */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  for (const [written, digits] of text.matchAll(ESCAPE)) {
    if (digits === undefined) throw new UndefinedResult(`invalid URL escape ${JSON.stringify(written)}`);
  }
  const bytes: Buffer[] = [];
  let start = 0;
  for (const match of text.matchAll(ESCAPE)) {
    bytes.push(bytesOf(text.slice(start, match.index)), Buffer.from(match[1]!, "hex"));
    start = match.index + match[0].length;
  }
  bytes.push(bytesOf(text.slice(start)));
  return stringOf(Buffer.concat(bytes));
}

/** @throws UndefinedResult for bad escapes and for `;`, which Go takes for a mistake. */
export function parseQuery(query: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const pair of query.split("&")) {
    if (pair.includes(";")) throw new UndefinedResult("invalid semicolon separator in query");
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = queryUnescape(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : queryUnescape(pair.slice(equals + 1));
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else known.push(value);
  }
  return values;
}
