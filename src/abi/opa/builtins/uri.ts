/** `uri.parse` and `uri.is_valid`. */

import { RegoObject } from "../values/rego-value.ts";
import { type BuiltinTable, stringArgument, UndefinedResult } from "./builtin.ts";
import { parseUri } from "./go-uri.ts";

export const URI: BuiltinTable = {
  "uri.parse": (args) => {
    const { scheme, hostname, port, path, rawPath, rawQuery, fragment } = parseUri(stringArgument(args, 0));
    const parts: readonly (readonly [string, string])[] = [
      ["scheme", scheme],
      ["hostname", hostname],
      ["port", port],
      ["path", path],
      ["raw_path", rawPath === "" ? path : rawPath],
      ["raw_query", rawQuery],
      ["fragment", fragment],
    ];
    return new RegoObject(parts.filter(([, value]) => value !== ""));
  },
  "uri.is_valid": (args) => {
    const text = args[0];
    if (typeof text !== "string" || text === "") return false;
    try {
      parseUri(text);
      return true;
    } catch (error) {
      if (error instanceof UndefinedResult) return false;
      throw error;
    }
  },
};
