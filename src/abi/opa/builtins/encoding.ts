/** Encodings: hexadecimal, base64url, and the query strings of URLs as Go's net/url writes and reads them. */

import { RegoObject, RegoSet, type RegoValue, bytesOf, isArray, stringOf } from "../values/rego-value.ts";
import { type BuiltinTable, objectArgument, stringArgument, UndefinedResult } from "./builtin.ts";
import { parseQuery, queryEscape, queryUnescape } from "./go-url.ts";

const HEX = /^(?:[0-9a-fA-F]{2})*$/;

export const ENCODING: BuiltinTable = {
  "hex.encode": (args) => bytesOf(stringArgument(args, 0)).toString("hex"),
  "hex.decode": (args) => {
    const text = stringArgument(args, 0);
    if (!HEX.test(text)) throw new UndefinedResult("not hexadecimal");
    return stringOf(Buffer.from(text, "hex"));
  },
  "base64url.encode_no_pad": (args) => bytesOf(stringArgument(args, 0)).toString("base64url"),
  "urlquery.encode": (args) => queryEscape(stringArgument(args, 0)),
  "urlquery.decode": (args) => queryUnescape(stringArgument(args, 0)),
  "urlquery.encode_object": (args) => encodeObject(objectArgument(args, 0)),
  "urlquery.decode_object": (args) =>
    new RegoObject([...parseQuery(stringArgument(args, 0))].map(([key, values]) => [key, values])),
};

function encodeObject(object: RegoObject): string {
  const pairs = object
    .entries()
    .map(([key, value]) => [textKey(key), stringsOf(value)] as const)
    .sort(([a], [b]) => Buffer.compare(bytesOf(a), bytesOf(b)));
  return pairs
    .flatMap(([key, values]) => values.map((value) => `${queryEscape(key)}=${queryEscape(value)}`))
    .join("&");
}

function textKey(key: RegoValue): string {
  if (typeof key !== "string") throw new UndefinedResult("a key is no string");
  return key;
}

function stringsOf(value: RegoValue): readonly string[] {
  if (typeof value === "string") return [value];
  const items = value instanceof RegoSet ? value.values() : isArray(value) ? value : [null];
  const texts = items.filter((item) => typeof item === "string");
  if (texts.length < items.length) throw new UndefinedResult("a value is neither string nor list of strings");
  // JSON of a set is a sorted list.
  return value instanceof RegoSet ? texts.sort() : texts;
}
